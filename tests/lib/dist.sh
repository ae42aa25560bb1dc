# SPDX-License-Identifier: MIT
# The source archive holds what git knows, and builds.
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
try 'build the archive' ninja -C "$work/build" -j "$CRM_CPUS"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
