#!/usr/bin/env bash
# Runs every fuzzer of the fuzz preset for a bounded time: tests/fuzz/run.sh SECONDS_PER_TARGET [TARGET...]
# What is found stays in build/fuzz/findings; once mended, it belongs into tests/fuzz/regressions/<target>.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${BUILD_DIR:-$here/../../build/fuzz}
seconds=${1:?usage: run.sh SECONDS_PER_TARGET [TARGET...]}
shift
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "run.sh: SECONDS_PER_TARGET is a whole number above 0" >&2; exit 2; }
[[ -d $build/bin ]] || { echo "run.sh: nothing built: cmake --preset fuzz && cmake --build --preset fuzz" >&2; exit 2; }
build=$(cd "$build" && pwd)

targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
    for program in "$build"/bin/*_fuzz; do
        [[ -x $program ]] && targets+=("${program##*/}")
    done
fi
[[ ${#targets[@]} -gt 0 ]] || { echo "run.sh: no fuzzer in $build/bin" >&2; exit 2; }

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}

passed=0
failed=0
for target in "${targets[@]}"; do
    corpus=$build/corpus/$target
    findings=$build/findings
    log=$build/log/$target.log
    mkdir -p "$corpus" "$findings" "$build/log"
    # libFuzzer writes into the first directory only: the seeds come behind it and stay as they are.
    arguments=("$corpus")
    for directory in "$here/seeds/$target" "$here/regressions/$target"; do
        [[ -d $directory ]] && arguments+=("$directory")
    done
    [[ -f $here/$target.dict ]] && arguments+=("-dict=$here/$target.dict")
    printf '%-28s %4d s ' "$target" "$seconds"
    if "$build/bin/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$findings/$target-" "${arguments[@]}" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
        printf 'ok      %s runs, coverage %s\n' "${runs:-?}" "${coverage:-?}"
        passed=$((passed + 1))
    else
        printf 'FAILED\n'
        grep -v '^#' "$log" | tail -n 60
        echo "the whole log: $log"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
