# SPDX-License-Identifier: MIT
# Sourced by each test, in a fresh folder.
set -eu

W=$(pwd)/.w
mkdir "$W"
trap 'rm -rf "$W"' EXIT

crm()
{
    "$CRM" "$@"
}

die()
{
    printf '%s\n' "$*" >&2
    printf 'standard error was:\n' >&2
    cat "$W/err" >&2
    exit 1
}

# want CODE COMMAND...: runs it, and compares exit code and standard output with CODE and with what
# stands on standard input.
want()
{
    want_code=$1
    shift
    cat >"$W/want"
    code=0
    "$@" >"$W/out" 2>"$W/err" </dev/null || code=$?
    diff -u "$W/want" "$W/out" >&2 || die "wrong output: $*"
    [ "$code" -eq "$want_code" ] || die "exit code $code, not $want_code: $*"
}

# silent CODE COMMAND...: the same, with nothing on standard output.
silent()
{
    want "$@" </dev/null
}

# said: compares standard error of the last command with standard input.
said()
{
    cat >"$W/want"
    diff -u "$W/want" "$W/err" >&2 || die "wrong standard error"
}

# Fails unless two texts are equal.
same()
{
    [ "$1" = "$2" ] || die "'$1' is not '$2'"
}

# Runs a command with the times in its output made equal; keeps its exit code.
timeless()
{
    timeless_code=0
    "$@" >"$W/timed" || timeless_code=$?
    sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/TIME/g' "$W/timed"
    return $timeless_code
}
