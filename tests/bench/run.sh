#!/bin/sh
# SPDX-License-Identifier: MIT
# The benchmark in one command: sh tests/bench/run.sh [N] [OPTION...], or events and journal:
# sh tests/bench/run.sh --events [CUSTOMERS], or the reader of tables:
# sh tests/bench/run.sh --csv [MEGABYTES], or segments beside SQLite:
# sh tests/bench/run.sh --segments [CUSTOMERS], or the loops of sets, columns and day lists:
# sh tests/bench/run.sh --bits
# Builds a release in build-bench/ and runs it; `--help` lists the options, N is the number of customers.
# Prints a table of the library, SQLite and LMDB by hand.  An idle machine gives steadier figures.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
. scripts/deps.sh
if deps_is_debian; then
    # shellcheck disable=SC2086  # lists of words
    missing=$(deps_missing $deps_build check libsqlite3-dev | tr '\n' ' ')
    if [ -n "$missing" ]; then
        printf 'Installing %s\n' "$missing" >&2
        # shellcheck disable=SC2086
        deps_install $missing >/dev/null
    fi
fi
[ -f build-bench/build.ninja ] ||
    meson setup build-bench -Dbuildtype=release -Db_ndebug=true -Dbench=true >&2
program=bench
if [ "${1:-}" = --events ]; then
    program=bench_events
    shift
elif [ "${1:-}" = --csv ]; then
    program=bench_csv
    shift
elif [ "${1:-}" = --segments ]; then
    program=bench_segments
    shift
elif [ "${1:-}" = --bits ]; then
    program=bench_bits
    shift
fi
ninja -C build-bench "tests/bench/$program" >&2
exec "build-bench/tests/bench/$program" "$@"
