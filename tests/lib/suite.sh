# SPDX-License-Identifier: MIT
# Runs one suite: suite.sh NAME RESULT.  When it has ended it writes "PASSED FAILED SECONDS" into the
# file RESULT, where SECONDS is what building took of its time.
# Needs the environment that tests/run.sh sets.
set -u

suite=$1
result=$2
state=${result%/*}
built_seconds=0
cd "$CRM_TOP" || exit 1
. tests/lib/build.sh

passed=0
failed=0
python=/usr/bin/python3
[ -x "$python" ] || python=python3

count()
{
    passed=$((passed + $1))
    failed=$((failed + $2))
}

# once LABEL COMMAND...: one test, passed when the command succeeds.
once()
{
    label=$1
    shift
    if "$@" >"$TMPDIR/$suite.part" 2>&1; then
        cat "$TMPDIR/$suite.part"
        printf 'ok %s\n' "$label"
        count 1 0
    else
        code=$?
        printf '%s\n' "--- $label: $*"
        cat "$TMPDIR/$suite.part"
        printf 'FAILED %s (exit code %d)\n' "$label" "$code"
        count 0 1
        return 1
    fi
}

# counted LABEL COMMAND...: a program that ends by saying `N passed, N failed`.
counted()
{
    label=$1
    shift
    "$@" >"$TMPDIR/$suite.part" 2>&1
    code=$?
    closing=$(grep -aE '^[0-9]+ passed, [0-9]+ failed$' "$TMPDIR/$suite.part" | tail -n 1)
    ok=${closing%% *}
    bad=${closing#*, }
    bad=${bad%% *}
    if [ -z "$closing" ]; then
        ok=0 bad=1
    elif [ $code -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    elif [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    fi
    printf '%s\n' "--- $label"
    cat "$TMPDIR/$suite.part"
    if [ "$bad" -gt 0 ]; then
        printf 'FAILED %s (exit code %d)\n' "$label" "$code"
    fi
    count "$ok" "$bad"
}

# A sanitizer's shadow memory needs its place free: no random addresses, where that can be had.
fixed()
{
    if setarch -R true 2>/dev/null; then
        setarch -R "$@"
    else
        "$@"
    fi
}

# The replay of every corpus, with the plain driver.
replay()
{
    for target in "$1"/tests/fuzz_*; do
        [ -f "$target" ] && [ -x "$target" ] || continue
        name=${target##*/}
        counted "$name" fixed "$target" "tests/fuzz/corpus/${name#fuzz_}"
    done
}

# The programs named that have been built.
programs()
{
    folder=$1
    shift
    for name; do
        [ ! -x "$folder/tests/$name" ] || counted "$name" fixed "$folder/tests/$name"
    done
}

suite_unit()
{
    build gcc && counted unit "$built/tests/unit"
}

suite_api()
{
    build gcc || return
    counted api "$built/tests/api"
    counted ffi env LIBCRM="$built/src/libcrm.so" "$python" tests/api/ffi.py
}

suite_fault()
{
    build gcc && CRM_SO=$built/src/libcrm.so && export CRM_SO && programs "$built" fault
}

suite_format()
{
    build gcc && programs "$built" format
}

suite_fuzz()
{
    build gcc && replay "$built"
}

suite_cli()
{
    build gcc && counted cli env CRM="$built/examples/crm/crm" sh tests/cli/run.sh
}

suite_abi()
{
    build gcc && counted abi "$python" tests/abi/run.py "$built"
}

suite_install()
{
    build release && counted install sh tests/install/run.sh "$built"
}

suite_docs()
{
    build gcc && counted docs "$python" tests/docs/run.py "$built"
}

suite_bench()
{
    build release && counted bench sh tests/lib/bench.sh "$built"
}

suite_release()
{
    build release && programs "$built" unit
}

suite_cross()
{
    counted cross sh tests/cross/run.sh "$CRM_BUILD/cross"
}

suite_clang()
{
    build clang || return
    programs "$built" unit
    build fuzzer
}

sanitizer_options='halt_on_error=1:print_stacktrace=1'

suite_asan()
{
    ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:detect_leaks=1
    UBSAN_OPTIONS=$sanitizer_options
    export ASAN_OPTIONS UBSAN_OPTIONS
    # The machine is slower under sanitizers: short random runs, unless all was asked for.
    [ -n "${CRM_FULL-}" ] || export CRM_SHORT=1
    build asan || return
    programs "$built" unit api fault format
    replay "$built"
}

suite_tsan()
{
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
    export TSAN_OPTIONS
    # A run takes fifteen times as long: short random runs, unless all was asked for.
    [ -n "${CRM_FULL-}" ] || export CRM_SHORT=1
    build tsan && counted api fixed "$built/tests/api"
}

memcheck()
{
    valgrind -q --error-exitcode=9 --leak-check=full --child-silent-after-fork=no \
        --errors-for-leak-kinds=definite,indirect,possible --suppressions=tests/valgrind.supp "$@"
}

suite_valgrind()
{
    build gcc || return
    if [ -n "${CRM_FULL-}" ]; then
        unset CRM_FULL
        export CRM_SHORT=1
        for name in unit api fault format; do
            [ ! -x "$built/tests/$name" ] || counted "$name" memcheck "$built/tests/$name"
        done
    else
        # A third of the cases, another one with another commit: all of them take ten minutes.
        head=$(git rev-parse --verify -q HEAD 2>/dev/null | cut -c1-6)
        CRM_THIRD=$((0x${head:-0} % 3)) CRM_SHORT=1
        export CRM_THIRD CRM_SHORT
        echo "the cases of third $CRM_THIRD"
        counted unit memcheck "$built/tests/unit"
    fi
}

suite_soak()
{
    build gcc && counted soak "$built/tests/soak" --seconds 60
}

suite_coverage()
{
    # Which lines run does not depend on how often: short, unless all was asked for.
    if [ -z "${CRM_FULL-}" ]; then
        CRM_SHORT=1 CRM_KILLS=${CRM_KILLS-50}
        export CRM_SHORT CRM_KILLS
    fi
    build coverage || return
    find "$built" -name '*.gcda' -delete
    programs "$built" unit api fault format
    replay "$built"
    counted cli env CRM="$built/examples/crm/crm" sh tests/cli/run.sh
    once 'lines of src/' sh tests/lib/coverage.sh "$built"
}

suite_dist()
{
    if ! git rev-parse --git-dir >/dev/null 2>&1; then
        echo 'SKIPPED dist: this is not a git checkout'
        return
    fi
    counted dist sh tests/lib/dist.sh
}

"suite_$suite"
printf '%d passed, %d failed\n' "$passed" "$failed"
printf '%d %d %d\n' "$passed" "$failed" "$built_seconds" >"$result"
