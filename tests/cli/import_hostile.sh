# SPDX-License-Identifier: MIT
# Files that are there to hurt, or are none: a clear error or a clean result, in little memory.
. "$CLI_TESTS/lib.sh"

# Private memory of 300 MB must do; where the limit itself is too low for the tool (sanitizers), it
# is left out.
limited()
{
    if sh -c 'ulimit -d 300000 && "$CRM" version' >/dev/null 2>&1; then
        sh -c 'ulimit -d 300000 && exec "$CRM" "$@"' crm "$@"
    else
        crm "$@"
    fi
}

# one FILE MESSAGE: the row in front is in, the message names the line, the database is sound.
one()
{
    rm -rf crm.db
    code=0
    limited import "$1" >out 2>err || code=$?
    [ $code -eq 4 ] || { cat out err >&2; die "exit code $code: $1"; }
    grep -q "$2" err || { cat err >&2; die "another message: $1"; }
    grep -q '^1 row: 1 created' out || { cat out >&2; die "the row in front: $1"; }
    crm check >/dev/null
}

front='name,phone\nAnn,13800138000\n'
filled()
{
    head -c "$1" /dev/zero | tr '\0' "$2"
}

# a cell of 100 MB, quoted or not
(printf "$front\""; filled 100000000 x; printf '",1\n') >quoted.csv
one quoted.csv 'quoted.csv: line 3: a quote begins here that has no end, or a cell longer than a row may be'
(printf "$front"; filled 100000000 x; printf ',1\n') >plain.csv
one plain.csv 'plain.csv: line 3: a row begins here that is longer than a row may be'
(printf "$front\""; filled 30000000 '\n') >endless.csv
one endless.csv 'endless.csv: line 3: a quote begins here that has no end'
rm quoted.csv plain.csv endless.csv
# a little file that unpacks to very much
(printf "$front"; filled 300000000 x) | gzip >bomb.csv.gz
one bomb.csv.gz 'bomb.csv.gz: line 3: a row begins here that is longer than a row may be'
(printf "$front"; filled 20000000 '\n') | gzip >blank.csv.gz
rm -rf crm.db
limited import blank.csv.gz | tail -n 1 >got
same "$(cat got)" '1 row: 1 created, 0 updated, 0 unchanged, 0 bad'
# a line of JSON, a property of a card
(printf '{"name":"Ann","phone":"13800138000"}\n{"name":"'; filled 100000000 x; printf '"}\n') >long.jsonl
rm -rf crm.db
limited import long.jsonl >out 2>err && die "a line of 100 MB"
grep -q 'long.jsonl:2: the line is longer than 16 MiB' err || { cat err >&2; die "a long line"; }
(printf 'BEGIN:VCARD\nVERSION:4.0\nFN:Ann\nTEL:+8613800138000\nNOTE:'; filled 100000000 x
    printf '\nEND:VCARD\n') >long.vcf
rm -rf crm.db
limited import long.vcf >out 2>err || [ $? -eq 1 ] || die "a card of 100 MB"
rm long.jsonl long.vcf

# no file
rm -rf crm.db
silent 5 crm import .
said <<'END'
crm: import: .: it is a folder
END
[ ! -e crm.db ] || die "a database of a folder"
if [ -e /proc/self/mem ]; then
    silent 5 crm import /proc/self/mem
    said <<'END'
crm: import: /proc/self/mem: can't read the input
END
fi
mkfifo pipe
printf "$front" >pipe &
crm import pipe >out 2>err
grep -q '^1 row: 1 created' out || die "a pipe"
