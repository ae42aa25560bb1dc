# SPDX-License-Identifier: MIT
# The source archive holds what git knows, and compiles: each of its sources finds all it includes.
set -u
. tests/lib/build.sh
passed=0
failed=0

try()
{
    what=$1
    shift
    if "$@"; then
        printf 'ok %s\n' "$what"
        passed=$((passed + 1))
    else
        printf 'FAILED %s\n' "$what"
        failed=$((failed + 1))
    fi
}

# Runs the compiler over all sources of a build that was set up, without making code of them, which
# the same sources become in other suites.
compile()
{
    python3 -c 'import json, sys
for c in json.load(open(sys.argv[1] + "/compile_commands.json")):
    print("cd", sys.argv[1], "&&", c["command"], "-fsyntax-only", end="\0")' "$1" |
        xargs -0 -n 1 -P "$CRM_CPUS" sh -c
}

# git refuses folders of another user, as in a container, unless told.
GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
CC=gcc
export GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 CC
folder=$CRM_BUILD/dist
work=$TMPDIR/dist
rm -rf "$folder/meson-dist"
mkdir -p "$work"
[ -z "$(git status --porcelain)" ] || echo 'What is not committed is not in the archive.'

try configure configure "$folder" -Dtests=false
try 'meson dist' meson dist -C "$folder" --no-tests --allow-dirty --formats gztar
try unpack tar -xzf "$folder"/meson-dist/*.tar.gz -C "$work"
set -- "$work"/*/
git ls-tree -r --name-only HEAD | LC_ALL=C sort >"$work/tracked"
(cd "$1" && find . -type f -o -type l) | sed 's|^\./||' | LC_ALL=C sort >"$work/packed"
try 'the archive holds every file of the last commit' diff "$work/tracked" "$work/packed"
try 'configure the archive' meson setup -Dtests=false -Doptimization=0 "$work/build" "$1"
try 'compile the archive' compile "$work/build"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
