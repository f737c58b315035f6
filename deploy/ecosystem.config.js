// pm2 start deploy/ecosystem.config.js: three instances on ports 3001, 3002 and 3003, behind nginx.conf or haproxy.cfg.
// ROOMCAST_BIN and ROOMCAST_CONFIG say where the program and its configuration are. For one application beside its web
// server, see samples/synkora/README.md.
module.exports = {
  apps: [
    {
      name: "roomcast",
      script: process.env.ROOMCAST_BIN || "/usr/bin/roomcast-server",
      // The program is no script, and PM2's cluster mode is for Node alone.
      interpreter: "none",
      exec_mode: "fork",
      instances: Number(process.env.ROOMCAST_INSTANCES || 3),
      increment_var: "PORT",
      env: {
        PORT: Number(process.env.PORT || 3001),
        ROOMCAST_CONFIG: process.env.ROOMCAST_CONFIG || "/etc/roomcast/roomcast.yaml",
      },
      // PM2 asks with SIGINT and waits so long; drain.delay, drain.window and timeouts.stop must fit in here.
      kill_timeout: 15000,
      // A configuration with mistakes does not get better by itself.
      stop_exit_codes: [2],
      exp_backoff_restart_delay: 100,
    },
  ],
};
