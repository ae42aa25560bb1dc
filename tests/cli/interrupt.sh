# SPDX-License-Identifier: MIT
# Ctrl-C while somebody lets us wait: one ends the work, and the exit code is the documented one.
. "$CLI_TESTS/lib.sh"

command -v timeout >/dev/null || exit 0

crm init >/dev/null
crm create name=Ann phone=13800138000 >/dev/null
crm head >heads
mkfifo resting silent
exec 3<>resting 4<>silent
# a pipe that takes nothing more, and nobody reads
dd if=/dev/zero bs=65536 count=1 2>/dev/null >resting

# one CODE COMMAND...: standard input says nothing, nobody reads standard output
signal=INT
one()
{
    one_code=$1
    shift
    code=0
    timeout -k 5 -s $signal --preserve-status 0.1 "$CRM" "$@" <silent >resting 2>"$W/err" || code=$?
    same "$signal $* $code" "$signal $* $one_code" # 137: it had to be killed
}

one 130 export --reason test
said </dev/null
one 130 export --reason test --format jsonl --with-events
one 130 export --reason test --journal
one 130 dump
said </dev/null
one 0 changes --follow
one 0 changes --follow --json
one 130 import - --errors -
said <<'END'
crm: import: cut short
END
for format in csv xlsx vcard jsonl; do
    one 130 -C new.db import - --format $format
    [ "$(echo new.db*)" = 'new.db*' ] || die "left behind: $(echo new.db*)"
done
one 130 import - --events --dry-run
# what has begun to come
printf 'name,phone\nBob,13900139000\n' >silent
one 130 import -
crm check >/dev/null
same "$(crm list --json | wc -l | tr -d ' ')" 1

# it ends as any program does
ended()
{
    code=0
    timeout -k 5 -s $signal 0.1 "$CRM" "$@" <silent >"$W/out" 2>"$W/err" || code=$?
    same "$signal $* $code" "$signal $* 124"
}
ended verify --anchor -
ended verify --anchor heads --anchor silent

signal=TERM
one 130 export --reason test

# a command whose Ctrl-C came before it began
stopped()
{
    code=0
    python3 -c 'import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
os.kill(os.getpid(), signal.SIGTERM)
os.execv(sys.argv[1], sys.argv[1:])' "$CRM" "$@" >"$W/out" 2>"$W/err" </dev/null || code=$?
    same "stopped $* $code" "stopped $* 130"
}
i=0
while [ $i -lt 300 ]; do
    echo "{\"name\":\"N $i\",\"tags\":[\"region:cn\"],\"events\":[{\"kind\":\"call\"}]}"
    i=$((i + 1))
done >many.jsonl
crm import many.jsonl --policy create >/dev/null 2>"$W/err"
batch=$(sed -n "s/^crm: import: batch \([0-9]*\) .*/\1/p" "$W/err")
crm changes >before; crm list --json >>before
for how in '' --dry-run --skip; do
    stopped undo $how $batch
    said <<'END'
crm: undo: stopped: nothing was changed
END
    [ ! -s "$W/out" ] || die "it said something"
done
{ crm changes; crm list --json; } | cmp - before
want 0 crm undo "$batch" --json <<END
{"deleted":300,"restored":0,"events":300,"tags":300,"skipped":0,"batch":$((batch + 1)),"dry_run":false}
END
crm check >/dev/null
one 0 changes --follow
one 130 import -
ended verify --anchor -
