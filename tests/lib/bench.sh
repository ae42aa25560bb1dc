# SPDX-License-Identifier: MIT
# The benchmarks run and agree, on the least data there can be: bench.sh BUILD.  Times are not judged.
set -u
passed=0
failed=0
data=$TMPDIR/bench
mkdir -p "$data/in"

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

try bench "$1/tests/bench/bench" --smoke --dir "$data"
try 'bench --json' "$1/tests/bench/bench" --smoke --json --dir "$data"
try 'data for crm_peer' python3 tests/lib/bench-data.py "$data/in" 500
try crm_peer "$1/tests/bench/crm_peer" "$data/in" "$data/db" 1 1
try bench_bits "$1/tests/bench/bench_bits" --smoke
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
