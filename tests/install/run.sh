#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs a build made with another name of the tool, and uses it as a stranger would:
#   tests/install/run.sh BUILD        (configured with --prefix and -Dtool_name)
set -u

build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "$build/install.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
# An option of the build.
option()
{
    meson introspect --buildoptions "$build" |
        python3 -c 'import json, sys
print([o["value"] for o in json.load(sys.stdin) if o["name"] == sys.argv[1]][0])' "$1"
}
prefix=$(option prefix)
tool=$(option tool_name)
version=$(sed -n 's/^#define CRM_VERSION_STRING "\(.*\)"/\1/p' "$top/include/crm/version.h")
passed=0
failed=0

# try WHAT COMMAND...
try()
{
    what=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        printf 'ok %s\n' "$what"
        passed=$((passed + 1))
    else
        printf 'FAILED %s: %s\n' "$what" "$*"
        sed 's/^/    /' "$work/out"
        failed=$((failed + 1))
    fi
}

flags()
{
    pkg-config "$@" libcrm
}

# The words of pkg-config are split on purpose, as on any command line.
# shellcheck disable=SC2046
compile_shared()
{
    "$@" $(flags --cflags --libs)
}

# The archive alone in a folder that is searched first.
# shellcheck disable=SC2046
compile_static()
{
    "$@" $(flags --cflags) -L"$work/archive" $(flags --static --libs)
}

needs_no_libcrm()
{
    ! readelf -d "$1" | grep -q 'NEEDED.*libcrm'
}

in_fresh_folder()
{
    rm -rf "$work/fresh"
    mkdir "$work/fresh"
    (cd "$work/fresh" && "$@")
}

says()
{
    wanted=$1
    shift
    "$@" >"$work/said" 2>&1 || { cat "$work/said" && return 1; }
    grep -q -e "$wanted" "$work/said" || { cat "$work/said" && return 1; }
}

rm -rf "$prefix"
try 'meson install' meson install -C "$build" --no-rebuild
PKG_CONFIG_PATH=$prefix/lib/pkgconfig
LD_LIBRARY_PATH=$prefix/lib
export PKG_CONFIG_PATH LD_LIBRARY_PATH
mkdir "$work/archive"
ln -s "$prefix/lib/libcrm.a" "$work/archive/"

for file in include/crm/crm.h lib/libcrm.so lib/libcrm.so.0 lib/libcrm.a lib/pkgconfig/libcrm.pc \
    "bin/$tool" "share/man/man1/$tool.1" "share/bash-completion/completions/$tool"; do
    try "$file" test -s "$prefix/$file"
done
for header in "$top"/include/crm/*.h; do
    try "${header##*/} is the one of the tree" cmp "$header" "$prefix/include/crm/${header##*/}"
done
try 'version of pkg-config' says "^$version\$" pkg-config --modversion libcrm
try 'no path of the build in libcrm.pc' sh -c '! grep -q "$1" "$2"' - "$build" "$prefix/lib/pkgconfig/libcrm.pc"

here=$top/tests/install
strict='-Wall -Wextra -pedantic -Werror'
# shellcheck disable=SC2086
{
    try 'C, shared' compile_shared cc -std=c99 $strict -o "$work/c" "$here/program.c"
    try 'C++, shared' compile_shared c++ -std=c++11 $strict -o "$work/cpp" "$here/program.cpp"
    try 'C, static' compile_static cc -std=c99 $strict -o "$work/c-static" "$here/program.c"
    try 'C++, static' compile_static c++ -std=c++11 $strict -o "$work/cpp-static" "$here/program.cpp"
}
for program in c cpp c-static cpp-static; do
    try "run $program" in_fresh_folder says '^1 Li Na$' "$work/$program"
done
try 'the static program needs no libcrm.so' needs_no_libcrm "$work/c-static"
try 'the static program runs without it' in_fresh_folder env -u LD_LIBRARY_PATH "$work/cpp-static"

# The programs a newcomer copies, with the line their comments give.
for source in "$top"/examples/*.c; do
    name=$(basename "$source" .c)
    try "cc $name.c" compile_shared cc -Wall -Wextra -Werror -o "$work/$name" "$source"
    try "run $name" in_fresh_folder "$work/$name"
    try "run $name again" sh -c 'cd "$1" && "$2"' - "$work/fresh" "$work/$name"
done

try "$tool calls itself $tool" says "^Usage: $tool " "$prefix/bin/$tool" --help
try "$tool works" in_fresh_folder "$prefix/bin/$tool" create name='Li Na' phone='+86 138 0013 8000'
try "$tool finds" sh -c 'cd "$1" && "$2" find 13800138000 | grep -q "Li Na"' - "$work/fresh" "$prefix/bin/$tool"
try 'the manual page names it' grep -q "^\.TH \"$tool\" 1" "$prefix/share/man/man1/$tool.1"
try 'nothing was left to replace' sh -c '! grep -n "@[A-Z_]*@" "$1" "$2"' - \
    "$prefix/share/man/man1/$tool.1" "$prefix/share/bash-completion/completions/$tool"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
