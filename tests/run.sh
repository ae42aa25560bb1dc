#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds and runs the tests.  `sh tests/run.sh --help` says how.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
. scripts/deps.sh
. tests/lib/list.sh

usage()
{
    cat <<'END'
usage: sh tests/run.sh [SUITE...] [--full] [--kills N] [--queries N] [--no-install]

Runs the suites named, or all of the default ones, several at a time.  Installs the Debian packages
that are missing (scripts/deps.sh).  Builds in build-test/, where each suite leaves a log.

  --full        every suite, every allocation and storage call failed once, long random runs
  --kills N     the harness that kills writers does it N times (default 500)
  --queries N   segments are asked at least N random questions against a model in the test,
                in place of some 10^5
  --no-install  do not look for missing packages

END
    list_help
}

full= kills= queries= suites= install=1
while [ $# -gt 0 ]; do
    case $1 in
    --full) full=1 ;;
    --kills | --kills=*)
        case $1 in
        --kills=*) kills=${1#*=} ;;
        *) shift && kills=${1-} ;;
        esac
        case $kills in
        '' | *[!0-9]*) echo "--kills needs a number" >&2 && exit 2 ;;
        esac
        ;;
    --queries | --queries=*)
        case $1 in
        --queries=*) queries=${1#*=} ;;
        *) shift && queries=${1-} ;;
        esac
        case $queries in
        '' | *[!0-9]*) echo "--queries needs a number" >&2 && exit 2 ;;
        esac
        ;;
    --no-install) install= ;;
    -h | --help) usage && exit 0 ;;
    -*) usage >&2 && exit 2 ;;
    *)
        list_has "$1" || { echo "no such suite: $1" >&2 && usage >&2 && exit 2; }
        suites="$suites $1"
        ;;
    esac
    shift
done

if [ -n "$install" ] && deps_is_debian; then
    # shellcheck disable=SC2086  # lists of words
    missing=$(deps_missing $deps_build $deps_test | tr '\n' ' ')
    if [ -n "$missing" ]; then
        printf 'Installing %s\n' "$missing"
        # shellcheck disable=SC2086
        deps_install $missing >/dev/null || { printf '0 passed, 1 failed\n' && exit 1; }
    fi
fi

[ -n "$suites" ] || suites=$(list_default "$full")
CRM_TOP=$top
CRM_BUILD=$top/build-test
CRM_CPUS=$(nproc 2>/dev/null || echo 2)
export CRM_TOP CRM_BUILD CRM_CPUS
unset CRM_DB CRM_ACTOR CRM_SHORT CRM_FULL CRM_KILLS CRM_QUERIES CDPATH
[ -z "$full" ] || export CRM_FULL=1
[ -z "$kills" ] || export CRM_KILLS="$kills"
[ -z "$queries" ] || export CRM_QUERIES="$queries"
LC_ALL=C.UTF-8
export LC_ALL
# The tests' own time limits are for what hangs.  On a slow machine, one that does other work, and under
# memcheck, what is sound takes many times as long as usual, and must not fail for it.
CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER:-8}
export CK_TIMEOUT_MULTIPLIER
mkdir -p "$CRM_BUILD"
# Databases of suites that need no disk are made in memory, where there is room for them.
memory=${TMPDIR:-/tmp}
if [ -z "${TMPDIR-}" ] && [ -w /dev/shm ] &&
    [ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print int($4 / 1048576) }')" -ge 2 ] 2>/dev/null; then
    memory=/dev/shm
fi
state=$(mktemp -d "${TMPDIR:-/tmp}/libcrm-tests.XXXXXX") || exit 1
memory=$(mktemp -d "$memory/libcrm-tests.XXXXXX") || exit 1
chmod 711 "$state" "$memory" # a test becomes a user without rights, who must get to its own folder
running= # "suite:pid suite:pid"

end_all()
{
    for job in $running; do
        kill -TERM -- "-${job#*:}" 2>/dev/null
    done
    sleep 0.2
    rm -rf "$state" "$memory"
}
trap end_all EXIT
trap 'exit 130' INT TERM HUP

# Each suite is a session of its own, so that it can be ended with all it started.
start()
{
    log=$CRM_BUILD/$1.log
    date +%s >"$state/$1.begun"
    case $1 in
    api | cli | format | bench | install | docs) scratch=$state ;;
    *) scratch=$memory ;;
    esac
    TMPDIR=$scratch setsid sh tests/lib/suite.sh "$1" "$state/$1.done" >"$log" 2>&1 </dev/null &
    running="$running $1:$!"
}

passed=0
failed=0
# Takes the result of a suite that has ended: one line, and what failed.
finish()
{
    seconds=$(($(date +%s) - $(cat "$state/$1.begun")))
    log=$CRM_BUILD/$1.log
    if [ -s "$state/$1.done" ]; then
        read -r ok bad building <"$state/$1.done"
    else
        ok=0 bad=1 building=0
    fi
    seconds=$((seconds - building))
    budget=$(list_budget "$1")
    [ -z "$full" ] || budget=$((budget * 10))
    late=
    [ "$seconds" -le "$budget" ] || late='  over budget'
    printf '%-11s %6d passed, %d failed  %4d s of %d s%s%s\n' "$1" "$ok" "$bad" "$seconds" "$budget" \
        "$([ "$building" -eq 0 ] || printf ', build %d s' "$building")" "$late"
    grep '^ *SKIPPED ' "$log" | sed 's/^ */            /'
    if [ "$bad" -gt 0 ]; then
        sh tests/lib/excerpt.sh "$log"
        printf '            log: %s\n' "build-test/$1.log"
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
}

# Waits until fewer than $1 suites run.
wait_below()
{
    while :; do
        left= count=0 ended=
        for job in $running; do
            if kill -0 "${job#*:}" 2>/dev/null; then
                left="$left $job" count=$((count + 1))
            else
                wait "${job#*:}"
                ended="$ended ${job%%:*}"
            fi
        done
        running=$left
        for over in $ended; do
            finish "$over"
        done
        [ "$count" -ge "$1" ] || return 0
        sleep 0.2
    done
}

begun=$(date +%s)
for suite in $suites; do
    wait_below "$CRM_CPUS"
    start "$suite"
done
wait_below 1
printf 'all in %d s\n' $(($(date +%s) - begun))
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
