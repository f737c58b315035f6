// The Debian package in a container of the bare distribution: install, serve, upgrade, purge.
import path from "node:path";
import { describe, expect, test } from "vitest";
import { cleanup } from "./support/cleanup.mjs";
import { docker, dockerOrFail, image } from "./support/engine.mjs";
import { run } from "./support/programs.mjs";

const deb = process.env.ROOMCAST_DEB ?? "";
const base = process.env.ROOMCAST_DEBIAN_IMAGE ?? "debian:bookworm-slim";
const isThere = deb !== "" && image !== "" && docker("image", "inspect", base).status === 0;

describe.skipIf(!isThere)(`the Debian package${isThere ? "" : " (skipped: no container engine, no image of Debian, or ROOMCAST_DEB is not set)"}`, () => {
  test("depends on the libraries that it was built with", () => {
    const depends = run("dpkg-deb", ["--field", deb, "Depends"]).stdout;
    console.log(`Depends: ${depends.trim()}`);
    for (const library of ["libc6 (>= ", "libssl3 (>= ", "libstdc++6 (>= ", "libyaml-cpp0.7 (>= ", "libspdlog1.10"]) {
      expect(depends).toContain(library);
    }
  });

  test("has nothing in it that others than root may write", () => {
    const listed = run("dpkg-deb", ["--contents", deb]).stdout.trim().split("\n");
    expect(listed.filter((line) => /^-....w|^.......w/.test(line) || !line.includes(" root/root ") && !line.includes(" 0/0 "))).toEqual([]);
  });

  test("installs on a bare system, runs, keeps changed configuration, and leaves nothing behind", { timeout: 300_000 }, () => {
    const id = dockerOrFail("run", "--detach", "--network", "host", "--volume", `${path.dirname(deb)}:/packages:ro`, base, "sleep", "600");
    cleanup(() => docker("rm", "--force", id));
    const inside = (script) => {
      const { status, output } = docker("exec", id, "bash", "-euc", script);
      expect(status, output).toBe(0);
      return output;
    };
    const file = `/packages/${path.basename(deb)}`;
    inside("apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates");
    // what other packages bring is not ours to remove
    const places = "find /etc /usr /var/lib /run -xdev \\( -path /var/lib/dpkg -o -path /var/lib/apt -o -path /etc/ssl \\) -prune -o -print | sort";
    inside(`apt-get install -y -qq --no-install-recommends $(dpkg-deb --field ${file} Depends | sed 's/([^)]*)//g; s/|[^,]*//g; s/,/ /g')`);
    inside(`${places} > /before`);
    inside(`apt-get install -y -qq --no-install-recommends ${file}`);
    expect(inside("roomcast-server --version && roomcast-server check /etc/roomcast/roomcast.yaml")).toContain("no mistakes");
    for (const name of ["/usr/lib/systemd/system/roomcast.service", "/usr/share/roomcast/config.schema.json", "/usr/share/roomcast/samples/demo/roomcast.yaml", "/usr/share/doc/roomcast-server/copyright"]) {
      inside(`test -s ${name}`);
    }
    expect(inside("stat -c %a:%U /etc/default/roomcast").trim()).toBe("600:root");
    // served with no rights, as the unit does
    const served = inside(`
      setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all env PORT=0 HOST=127.0.0.1 ROOMCAST_CONFIG=/etc/roomcast/roomcast.yaml roomcast-server > /tmp/log 2>&1 &
      for i in $(seq 100); do grep -q 'listening on' /tmp/log && break; sleep 0.1; done
      port=$(sed -n 's/.*listening on 127.0.0.1:\\([0-9]*\\),.*/\\1/p' /tmp/log)
      roomcast-server healthcheck --url http://127.0.0.1:$port/health
      kill $! && wait $!`);
    expect(served).toMatch(/127\.0\.0\.1:\d+: 200/);
    inside(`echo '# mine' >> /etc/roomcast/roomcast.yaml && apt-get install -y -qq --reinstall ${file} && grep -q '# mine' /etc/roomcast/roomcast.yaml`);
    inside("apt-get purge -y -qq roomcast-server");
    expect(inside(`${places} > /after; diff /before /after || true`)).toBe("");
  });
});
