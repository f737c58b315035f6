#!/usr/bin/env bash
# run.sh BUILD_DIR: installs that build into a temporary prefix and builds strangers' projects against it, one with
# find_package and one with add_subdirectory.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "${1:?the build directory to install}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >/dev/null

try() { # name, cmake arguments
    local name=$1
    shift
    cmake -S "$here/$name" -B "$work/$name" -G Ninja -DCMAKE_BUILD_TYPE=Debug --log-level=WARNING "$@"
    cmake --build "$work/$name"
    ctest --test-dir "$work/$name" --output-on-failure --no-tests=error
}

# The README's own examples are strangers, too: each block of a language, as it stands.
block() { awk -v fence="\`\`\`$1" '$0 == fence { on = 1; next } on && /^```/ { exit } on' "$here/../../README.md"; }
block cpp >"$work/readme.cpp"
block yaml >"$work/readme.yaml"

try installed -DCMAKE_PREFIX_PATH="$work/prefix" -DREADME_EXAMPLE="$work/readme.cpp"
try subdirectory -DROOMCAST_SOURCE_DIR="$here/../.."

# The installed program runs from where it was put.
if [[ -x $work/prefix/bin/roomcast-server ]]; then
    "$work/prefix/bin/roomcast-server" --version
    # The README's file takes its secret from the environment, and a check says so when it is not there.
    NEXTAUTH_SECRET=secret-of-the-readme-example "$work/prefix/bin/roomcast-server" check "$work/readme.yaml"
fi
# Nothing that was installed points back into the tree it came from.
if grep -rlIF -e "$build" -e "$(cd "$here/../.." && pwd)" "$work/prefix"; then
    echo "the files above name the source or build directory" >&2
    exit 1
fi
