# SPDX-License-Identifier: MIT
# Which share of the lines of src/ the tests ran: coverage.sh BUILD.  Fails under 90 %.  Tables do not
# count.  The page for a person is BUILD/coverage/index.html.
set -u
mkdir -p "$1/coverage"
set -- "$1" $(grep -lE 'Made by scripts/|^ \* Table: ' -r src --include='*.c' | sed 's/^/--exclude /')
built=$1
shift
gcovr --root . --object-directory "$built" --filter 'src/' "$@" --exclude-throw-branches \
    --print-summary --sort-uncovered --html-details "$built/coverage/index.html" --txt - \
    --fail-under-line 90 "$built"
