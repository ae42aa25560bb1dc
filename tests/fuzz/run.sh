#!/bin/sh
# SPDX-License-Identifier: MIT
# Fuzzes: sh tests/fuzz/run.sh [--seconds N] [TARGET...].  Builds the targets with clang, libFuzzer, ASan
# and UBSan in build-fuzz/, and runs each of them, or those named, for N seconds (60).  What is found
# lies in build-fuzz/found/, new inputs in build-fuzz/corpus/; ends in the number of executions.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
seconds=60 targets=
while [ $# -gt 0 ]; do
    case $1 in
    --seconds)
        seconds=${2-}
        case $seconds in
        '' | *[!0-9]*) echo '--seconds needs a number' >&2 && exit 2 ;;
        esac
        shift
        ;;
    -h | --help) sed -n '3,5s/^# //p' "$0" && exit 0 ;;
    -*) echo "fuzz: unknown option $1" >&2 && exit 2 ;;
    *)
        [ -f "tests/fuzz/fuzz_$1.c" ] || { echo "no such target: $1" >&2 && exit 2; }
        targets="$targets $1"
        ;;
    esac
    shift
done
[ -n "$targets" ] || targets=$(ls tests/fuzz/fuzz_*.c | sed 's/.*fuzz_\(.*\)\.c/\1/')

[ -f build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Doptimization=1 -Ddebug=false \
    -Dc_args=-g1 -Db_lundef=false -Db_sanitize=address,undefined -Dfuzz=true
programs=
for name in $targets; do
    programs="$programs tests/fuzz_$name"
done
# shellcheck disable=SC2086  # a list of words
ninja -C build-fuzz $programs

total=0 bad=0
for name in $targets; do
    mkdir -p "build-fuzz/corpus/$name" build-fuzz/found
    code=0
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 "build-fuzz/tests/fuzz_$name" -max_total_time="$seconds" \
        -print_final_stats=1 -artifact_prefix="build-fuzz/found/$name-" "build-fuzz/corpus/$name" \
        "tests/fuzz/corpus/$name" >"build-fuzz/$name.log" 2>&1 || code=$?
    done=$(sed -n 's/^stat::number_of_executed_units: *//p' "build-fuzz/$name.log")
    total=$((total + ${done:-0}))
    [ $code -eq 0 ] || bad=$((bad + 1))
    printf '%-14s %12s executions%s\n' "$name" "${done:-?}" \
        "$([ $code -eq 0 ] || printf '  FOUND SOMETHING: build-fuzz/%s.log' "$name")"
done
printf '%d executions, %d targets found something\n' "$total" "$bad"
[ $bad -eq 0 ]
