# SPDX-License-Identifier: MIT
# The file of bad rows when it can't be made, or the disk is full: nothing is committed whose bad
# rows would be missing.  And a pipe without a writer, which Ctrl-C ends.
. "$CLI_TESTS/lib.sh"

# 2,000 bad rows, behind each 100 of them a good one; told, 240 kB
awk 'BEGIN {
    print "name,email"
    for (i = 1; i <= 2000; i++) {
        print "Bad " i ",bad" i " at example"
        if (i % 100 == 0)
            print "Good " i ",good" i "@example.com"
    }
}' >a.csv

# ---- a place that is none: told before anything is imported ----

for where in nodir/x.csv a.csv/x.csv /proc/x.csv; do
    [ $where != /proc/x.csv ] || [ -d /proc/self ] || continue
    silent 5 crm import a.csv --errors $where
    grep -q "^crm: import: can't write $where.part: " "$W/err" || die "another message: $where"
    [ "$(wc -l <"$W/err")" -eq 1 ] || die "more than one message: $where"
    [ ! -e crm.db ] || die "a database was made: $where"
done
mkdir closed closed/x.csv.part
silent 3 crm import a.csv --errors closed/x.csv
mkdir long
name=$(head -c 250 /dev/zero | tr '\0' n)
cp a.csv "long/$name"
silent 5 crm import "long/$name"
grep -q 'File name too long (--errors FILE names another place)$' "$W/err" || die "a long name"
[ "$(ls -A long)" = "$name" ] || die "something was left there"
if [ "$(id -u)" -ne 0 ]; then
    rmdir closed/x.csv.part
    cp a.csv closed
    chmod 555 closed
    silent 5 crm import closed/a.csv
    grep -q 'Permission denied (--errors FILE names another place)$' "$W/err" || die "read-only"
    chmod 755 closed
fi
# another place is fine, and names of descriptors need none
code=0
crm import "long/$name" --errors here.csv >out 2>err || code=$?
same $code 1
same "$(wc -l <here.csv)" 2001
if [ -e /dev/fd/0 ]; then
    code=0
    crm import /dev/fd/0 <a.csv >out 2>err || code=$?
    same $code 1
    grep -q 'the bad rows were not kept: --errors FILE keeps them$' err || die "/dev/fd"
fi

# ---- a full disk ----

# full BLOCKS ...: with files of at most so many blocks of 512 bytes.
full()
{
    blocks=$1
    shift
    sh -c 'trap "" XFSZ; ulimit -f "$0"; exec "$CRM" "$@"' "$blocks" "$@" >out 2>err
}

# all_there SORT FILE...: each bad row, with -n once, with -nu at least once.
all_there()
{
    how=$1
    shift
    cat "$@" | sed -n 's/^Bad \([0-9]*\),.*/\1/p' | sort $how >got
    seq 1 2000 >want
    diff want got >"$W/diff" || { head "$W/diff" >&2; die "bad rows are missing or there twice: $*"; }
    same "$(crm list | grep -c Good)" 20
}

# Full while rows are read, and at the last write, of which the only commit waits: nothing is in.
for blocks in 300 450; do
    rm -rf crm.db
    crm init >/dev/null
    code=0
    full $blocks import a.csv || code=$?
    same $code 5
    grep -q "^crm: import: can't write a.csv.errors.csv.part: File too large" err || die "full"
    same "$(grep -c "can't write" err)" 1
    grep -q '^0 rows: 0 created, 0 updated, 0 unchanged, 0 bad$' out || die "full: $(cat out)"
    grep -q 'cut short$' err || die "full, and not told that it can't be resumed"
    same "$(crm list | grep -c Good)" 0
    [ ! -e a.csv.errors.csv.part ] || die "left behind"
    [ ! -e a.csv.errors.csv ] || die "half a file of bad rows"
done

# Full after commits: those rows are in, and their bad ones are kept; the rest comes when resumed.
for blocks in 300 450; do
    rm -rf crm.db
    crm init >/dev/null
    code=0
    full $blocks import a.csv --commit-rows 500 || code=$?
    same $code 5
    tail -n 1 err >last
    same "$(cat last)" 'crm: import: cut short: the same command with --resume goes on with it'
    [ ! -e a.csv.errors.csv ] || die "it has its name already"
    code=0
    crm import a.csv --resume >out 2>err || code=$?
    same $code 1
    grep -q '^2,020 rows: 20 created, 0 updated, 0 unchanged, 2,000 bad$' out || die "$(cat out)"
    all_there -n a.csv.errors.csv
    rm a.csv.errors.csv

    # the same, with the rest in another place
    rm -rf crm.db
    crm init >/dev/null
    full $blocks import a.csv --commit-rows 500 || :
    code=0
    crm import a.csv --resume --errors rest.csv >out 2>err || code=$?
    same $code 1
    grep -q 'rest.csv.part has no bad rows from before: they are where' err || die "not told"
    all_there -nu a.csv.errors.csv.part rest.csv
    rm a.csv.errors.csv.part rest.csv
done
crm check >/dev/null

# vCards, whose columns are all known at the end only: the names are put in front then, also when
# the import was cut short.  Up to card `stop` nine of ten are bad.
cards()
{
    awk -v stop="$1" 'BEGIN {
        for (i = 1; i <= 3000; i++)
            printf "BEGIN:VCARD\nVERSION:4.0\nFN:Bad %d\nTEL:%s\nNOTE:%0100d\nEND:VCARD\n", i,
                i <= stop && i % 10 ? "12" : "13800" sprintf("%06d", i), i
    }'
}
cards 2500 >c.vcf
rm -rf crm.db
crm init >/dev/null
code=0
full 600 import c.vcf --commit-rows 20 || code=$?
same $code 5
tail -n 1 err >last
same "$(cat last)" 'crm: import: cut short: the same command with --resume goes on with it'
code=0
crm import c.vcf --resume >out 2>err || code=$?
same $code 1
same "$(wc -l <c.vcf.errors.csv)" 2251
same "$(sed -n '1s/^\xef\xbb\xbf//p' c.vcf.errors.csv | tr -d '\r')" \
    'crm:line,crm:column,crm:problem,crm:hint,FN,TEL,NOTE'
same "$(grep -c crm:line c.vcf.errors.csv)" 1
rm c.vcf.errors.csv

if [ -e /dev/full ]; then
    rm -rf crm.db
    crm init >/dev/null
    code=0
    crm import a.csv --errors - >/dev/full 2>err || code=$?
    same $code 5
    same "$(crm list | grep -c Good)" 0
fi

# ---- a pipe that nobody writes to ----

if command -v timeout >/dev/null; then
    mkfifo pipe
    for signal in INT TERM; do
        for command in "import pipe" "import a.csv --mapping pipe" "create --file pipe" \
            "event add --file pipe" "event add 1 --file pipe"; do
            code=0
            timeout -k 5 -s $signal 0.2 "$CRM" $command >out 2>err || code=$?
            same "$command $signal $code" "$command $signal 124" # 137: it had to be killed
        done
    done
    # these need a file, and say so at once
    silent 4 timeout 5 "$CRM" -C new.db load pipe
    silent 4 timeout 5 "$CRM" restore pipe new.db
    # with a writer it is read to its end
    cat a.csv >pipe &
    code=0
    crm import pipe >out 2>err || code=$?
    same $code 1
    all_there -n pipe.errors.csv
fi

# a name that is none
printf 'name,phone\nN1,13922222221\nN2,139\n' >noname.csv
silent 2 crm import noname.csv --errors ''

# ---- all that is wrong with a row is told at once ----

cat >strict.yaml <<'END'
crm: 1
region: CN
fields:
  name: {type: text, required: true}
  phone: {type: phone, list: true, identity: true}
  code: {type: text, unique: true}
  badge: {type: text, unique: true}
  city: {type: text, required: true}
  score: {type: integer}
END
crm -C strict.db init --model strict.yaml >/dev/null
crm -C strict.db create name=Ann phone=13800138000 code=A badge=B city=Rome >/dev/null
cat >faults.csv <<'END'
name,phone,code,badge,city,score
,13900139000,,,,many
Bob,13700137000,A,B,,1
Bob,,,,x,z
,138001,,,,z
Ann,13800138000,,,,x
END
columns='column  field  found by
name    name   key
phone   phone  key
code    code   key
badge   badge  key
city    city   key
score   score  key'
# who is new lacks what is required; who is there has it; of whom that is not certain it is not told
want 1 crm -C strict.db import faults.csv --dry-run --errors faults.out <<END
faults.csv: CSV, UTF-8
$columns
dry run: 5 rows: 0 created, 1 updated, 0 unchanged, 4 bad
END
said <<'END'
crm: import: faults.csv:2: score: is not a whole number: expected a number
crm: import: faults.csv:2: name: is required
crm: import: faults.csv:2: city: is required
crm: import: faults.csv:4: score: is not a whole number: expected a number
crm: import: faults.csv:4: there is nothing the customer could be found by: no identity, no unique field (right: one of: phone, code, badge)
crm: import: faults.csv:5: phone: is not a phone number: too short (right: a number of the country, or +44 20 7946 0018)
crm: import: faults.csv:5: score: is not a whole number: expected a number
crm: import: faults.csv:6: score: is not a whole number: expected a number
crm: import: the bad rows are in faults.out: put them right there and import that file
END
want 1 crm -C strict.db import faults.csv --dry-run --errors faults.out --policy create <<END
faults.csv: CSV, UTF-8
$columns
dry run: 5 rows: 0 created, 0 updated, 0 unchanged, 5 bad
END
said <<'END'
crm: import: faults.csv:2: score: is not a whole number: expected a number
crm: import: faults.csv:2: name: is required
crm: import: faults.csv:2: city: is required
crm: import: faults.csv:3: city: is required
crm: import: faults.csv:3: code: is unique, and customer 1 has this value (right: another value; or the policy upsert, which changes that customer)
crm: import: faults.csv:3: badge: is unique, and customer 1 has this value (right: another value; or the policy upsert, which changes that customer)
crm: import: faults.csv:4: score: is not a whole number: expected a number
crm: import: faults.csv:5: phone: is not a phone number: too short (right: a number of the country, or +44 20 7946 0018)
crm: import: faults.csv:5: score: is not a whole number: expected a number
crm: import: faults.csv:5: name: is required
crm: import: faults.csv:5: city: is required
crm: import: faults.csv:6: score: is not a whole number: expected a number
crm: import: faults.csv:6: city: is required
crm: import: the bad rows of an earlier import are now in faults.out~
crm: import: the bad rows are in faults.out: put them right there and import that file
END
want 0 sh -c "tr -d '\r' <faults.out | sed -n '2,3p'" <<'END'
,13900139000,,,,many,2,"score; name; city","is not a whole number: expected a number; is required; is required",1234
Bob,13700137000,A,B,,1,3,"city; code; badge","is required; is unique, and customer 1 has this value; is unique, and customer 1 has this value","another value; or the policy upsert, which changes that customer; another value; or the policy upsert, which changes that customer"
END

# ---- a card that is cut off: what was read is kept, completed, and imported ----

printf 'BEGIN:VCARD\nVERSION:3.0\nFN:Li Na\nTEL:13900139009\nEND:VCARD\nBEGIN:VCARD\nFN:Wang Wei\nTEL:137001370' >cut.vcf
want 1 crm -C cut.db import cut.vcf <<'END'
cut.vcf: vCard 3.0, UTF-8
column  field  found by
FN      name   known, vCard
TEL     phone  known, vCard
2 rows: 1 created, 0 updated, 0 unchanged, 1 bad
END
grep -q '^crm: import: cut.vcf:6: the card has no end (right: what was read stands here: complete it)$' "$W/err" ||
    die "another reason"
want 0 sed 's/^\xef\xbb\xbf//; s/\r$//' cut.vcf.errors.csv <<'END'
crm:line,crm:column,crm:problem,crm:hint,FN,TEL
6,,the card has no end,what was read stands here: complete it,Wang Wei,137001370
END
sed 's/,137001370/&07/' cut.vcf.errors.csv >completed.csv
crm -C cut.db import completed.csv >out 2>err
want 0 crm -C cut.db find phone=13700137007 <<'END'
2  Wang Wei
END

# ---- columns that nothing can be imported by ----

printf 'phone,time,kind,amount\n13800138000,2024-05-01,ordr,12 CNY\n' >events.csv
want 4 crm -C strict.db import events.csv --show-mapping <<'END'
# events.csv: CSV, UTF-8
columns:
  phone: phone
  # time: nobody claims it: name its field, or skip
  kind: kind
  # amount: nobody claims it: name its field, or skip
END
said <<'END'
crm: import: columns that nobody claims: time, amount
crm: import: events.csv: name: there is no column for it, and every person must have it; the columns look like those of events: --events imports them
END
silent 4 crm -C strict.db import events.csv
said <<'END'
crm: import: events.csv: name: there is no column for it, and every person must have it; the columns look like those of events: --events imports them
END
crm -C usual.db create name=Ann phone=13800138000 >/dev/null 2>&1
crm -C usual.db import events.csv --events --dry-run >out 2>"$W/err" && die "a kind that there is not"
said <<'END'
crm: import: events.csv:2: kind: is no event kind of the model; did you mean "order"? (right: one of visit, call, email, message, meeting, quote, order, payment, feedback, complaint, social)
crm: import: the bad rows were not kept: --errors FILE keeps them
END
printf 'colour,remark\nred,x\n' >odd.csv
want 4 crm -C usual.db import odd.csv --show-mapping --json <<'END'
{"mapping":"columns:\n  # colour: nobody claims it: name its field, or skip\n  # remark: nobody claims it: name its field, or skip\n","format":"csv","encoding":"UTF-8","encoding_percent":100,"gzip":false,"separator":",","missing":"no column is one of a field: is the first row the names of the columns?"}
END
silent 4 crm -C usual.db import odd.csv
said <<'END'
crm: import: odd.csv: no column is one of a field: is the first row the names of the columns? (--show-mapping shows them)
END

# what is refused is refused for the same reason with the mapping that was shown of it, not row by row
printf 'time,kind,note\n2026-01-02,call,x\n' >nobody.csv
printf 'phone,time,"a\nb #"\n13800138000,2026-01-02,x\n' >nokind.csv
printf 'phone,kind\n13800138000,call\n' >notime.csv
refused()
{
    silent 4 crm -C usual.db import "$@"
    sed 's/ (--show-mapping shows them)$//' "$W/err" >without
    code=0
    crm -C usual.db import "$@" --show-mapping >mapping.yaml 2>err || code=$?
    same "$* $code" "$* 4"
    silent 4 crm -C usual.db import "$@" --mapping mapping.yaml
    said <without
}
for file in events odd nobody nokind; do
    refused $file.csv
done
refused notime.csv --policy create
for file in odd nobody nokind notime; do
    refused $file.csv --events
done
# the comment made a line says what the column is
refused nokind.csv
sed 's/# time: .*/time: skip/; s/# \("a.*\): nobody.*/\1: name/' mapping.yaml >put.yaml
want 0 crm -C usual.db import nokind.csv --mapping put.yaml --rename --dry-run <<'END'
nokind.csv: CSV, UTF-8
column  field  found by
phone   phone  mapping
time    -      left out by the mapping
a\nb #  name   mapping
dry run: 1 row: 0 created, 1 updated, 0 unchanged, 0 bad
END

# ---- whose fault it is: the mapping's, an option's, the file's ----

# mapping TEXT MESSAGE: a mapping of that text is told to be wrong, by its own name and line
mapping()
{
    printf "$1" >wrong.yaml
    silent 4 crm -C usual.db import odd.csv --mapping wrong.yaml
    printf 'crm: import: wrong.yaml:%s\n' "$2" | said
}
mapping 'columns:\n  colour: nmae\n' '2:11: "nmae" is no field of the model; did you mean "name"?'
mapping 'columns:\n  color: name\n' '2:3: the table has no column "color"; did you mean "colour"?'
mapping 'colums:\n  colour: name\n' '1:1: "colums" is no key of a mapping; did you mean "columns"?'
mapping 'columns:\n  colour: [a\n' "3:1: not YAML: did not find expected ',' or ']' (while parsing a flow sequence, from line 2)"
printf '"colour,remark\nred,x\n' >quote.csv
printf 'columns:\n  colour: name\n' >right.yaml
silent 4 crm -C usual.db import quote.csv --mapping right.yaml
grep -q '^crm: import: quote.csv: ' "$W/err" || die "a fault of the table under the name of the mapping"
printf '{"name":"Eve"}\n' >one.jsonl
printf 'BEGIN:VCARD\nVERSION:4.0\nFN:Eve\nEND:VCARD\n' >one.vcf
# option FILE OPTION VALUE MESSAGE
option()
{
    silent 4 crm -C usual.db import "$1" "$2" "$3"
    printf 'crm: import: %s: %s\n' "$1" "$4" | said
}
option odd.csv --sheet S 'a file of format csv has no sheets'
option one.jsonl --sheet S 'a file of format jsonl has no sheets'
option one.jsonl --separator ';' 'a file of format jsonl has no separator'
option one.vcf --separator ';' 'a file of format vcard has no separator'
option odd.csv --encoding klingon "this system's iconv does not know the encoding \"klingon\""
silent 4 crm -C usual.db import one.jsonl --show-mapping
said <<'END'
crm: import: one.jsonl: JSON Lines need no mapping
END
