#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the tests of the command line tool: CRM=/path/to/crm tests/cli/run.sh [NAME...]
# Each runs in a fresh folder, as many at once as there are processors.  What a failed one printed is shown.
set -eu

here=$(cd "$(dirname "$0")" && pwd)

# One of them, for the run that waits for all: the name goes into the file "passed" or "failed".
if [ "${1-}" = --one ]; then
    name=$2
    dir=$CLI_RUN/$name
    mkdir "$dir"
    if (cd "$dir" && sh "$here/$name.sh") >"$dir.log" 2>&1 </dev/null; then
        echo "$name" >>"$CLI_RUN/passed"
    else
        echo "$name" >>"$CLI_RUN/failed"
        { printf '%s FAILED\n' "$name"; sed 's/^/    /' "$dir.log"; } >"$dir.told"
        cat "$dir.told"
    fi
    rm -rf "$dir"
    exit 0
fi

: "${CRM:?is the path of the tool}"
CRM=$(cd "$(dirname "$CRM")" && pwd)/$(basename "$CRM")
CLI_TESTS=$here
export CRM CLI_TESTS
unset CRM_DB CRM_ACTOR COLUMNS 2>/dev/null || true
LC_ALL=C
TZ=UTC
export LC_ALL TZ

if [ "$(basename "$CRM")" != crm ]; then
    echo "skipped: the expected messages are those of a tool named crm"
    exit 77
fi
if [ $# -eq 0 ]; then
    set -- $(cd "$here" && ls | sed -n 's/\.sh$//p' | grep -v -x -e run -e lib)
fi
CLI_RUN=$(mktemp -d "${TMPDIR:-/tmp}/crm-cli.XXXXXX")
export CLI_RUN
trap 'rm -rf "$CLI_RUN"' EXIT
trap 'exit 130' INT TERM HUP
: >"$CLI_RUN/passed"
: >"$CLI_RUN/failed"
printf '%s\n' "$@" | xargs -P "$(nproc 2>/dev/null || echo 2)" -n 1 sh "$here/run.sh" --one
passed=$(wc -l <"$CLI_RUN/passed")
failed=$(wc -l <"$CLI_RUN/failed")
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$((passed + failed))" -eq $# ] && [ "$failed" -eq 0 ]
