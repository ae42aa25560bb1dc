#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the tests of the command line tool: CRM=/path/to/crm tests/cli/run.sh [NAME...]
# Each runs in a fresh folder.  What a failed one printed is shown.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
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
passed=0
failed=0
if [ $# -eq 0 ]; then
    set -- $(cd "$here" && ls | sed -n 's/\.sh$//p' | grep -v -x -e run -e lib)
fi
for name; do
    dir=$(mktemp -d "${TMPDIR:-/tmp}/crm-cli.XXXXXX")
    if (cd "$dir" && sh "$here/$name.sh") >"$dir.log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s FAILED\n' "$name"
        sed 's/^/    /' "$dir.log"
    fi
    rm -rf "$dir" "$dir.log"
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
