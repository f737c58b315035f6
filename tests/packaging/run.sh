#!/usr/bin/env bash
# run.sh [TEST...]: makes the image and the Debian package, and tries them and the deployment files for real; see docs/deploying.md.
# What the machine lacks (a container engine, nginx, haproxy, systemd-analyze) is skipped, by name.
#   ROOMCAST_IMAGE       an image that is there already: not built
#   ROOMCAST_DEB         a package that is there already: not built
#   ROOMCAST_BIN_DIR     programs for the tests without an engine (default: those of the package)
#   DOCKER_BUILD_ARGS    for docker build, e.g. "--network host"
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."

if [[ -z ${ROOMCAST_DEB:-} ]]; then
    ./dev package
    for ROOMCAST_DEB in "$PWD"/build/package/*.deb; do :; done
fi
export ROOMCAST_DEB ROOMCAST_BIN_DIR=${ROOMCAST_BIN_DIR:-$PWD/build/package/bin}

if ! docker version >/dev/null 2>&1; then
    echo "skipped: image, compose, Debian package: no container engine answers to \`docker version\`"
else
    if [[ -z ${ROOMCAST_IMAGE:-} ]]; then
        # shellcheck disable=SC2086 # arguments, several of them
        docker build ${DOCKER_BUILD_ARGS:-} --tag localhost/roomcast .
        ROOMCAST_IMAGE=localhost/roomcast
    fi
    if [[ -z ${ROOMCAST_REDIS_IMAGE:-} ]]; then
        # shellcheck disable=SC2086
        docker build ${DOCKER_BUILD_ARGS:-} --quiet --tag localhost/roomcast-test-redis --file "$here/redis.Dockerfile" "$here" >/dev/null
        ROOMCAST_REDIS_IMAGE=localhost/roomcast-test-redis
    fi
    export ROOMCAST_IMAGE ROOMCAST_REDIS_IMAGE
fi

cd "$here"
npm ci --silent
exec npx --no-install vitest run "$@"
