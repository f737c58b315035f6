#!/usr/bin/env bash
# Installs Next.js for development.test.mjs into tests/proxy/.cache, beside the projects that the test makes there. Where that does
# not work it is no failure: the test is skipped, and its name has the reason that is left in .cache/no-next.
set -euo pipefail
cache=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.cache
mkdir -p "$cache"
cd "$cache"
[[ ! -f node_modules/next/package.json || -e no-next ]] || exit 0
rm -rf node_modules no-next
echo '{ "name": "roomcast-next-test", "private": true }' >package.json
echo "Next.js was not installed completely" >no-next
if timeout 120 npm install --no-save --no-audit --no-fund --loglevel error next@16 react@19 react-dom@19 >install.log 2>&1; then
    rm no-next
else
    status=$? # 124 is timeout's own
    why=$(grep -m1 -oE 'npm (error|ERR!) code [A-Z0-9]+' install.log || echo "npm failed")
    [[ $status -ne 124 ]] || why="it took longer than two minutes"
    rm -rf node_modules
    echo "Next.js could not be installed: $why" | tee no-next
fi
