# SPDX-License-Identifier: MIT
# import: the first ten minutes of a newcomer, and what else the verb can do.
. "$CLI_TESTS/lib.sh"

# one command makes the database, says what became of the columns, and puts bad rows aside
printf '姓名,手机,邮箱,城市,客户经理\n张伟,13800138000,zw@example.com,上海,李\n李娜,1390013,ln@example.com,北京,王\nEve Hill,,eve@example.com,,\n' >my-customers.csv
want 1 crm import my-customers.csv <<'END'
my-customers.csv: CSV, UTF-8
column    field  found by
姓名      name   label
手机      phone  label
邮箱      email  label
城市      city   label
客户经理  owner  label
3 rows: 2 created, 0 updated, 0 unchanged, 1 bad
END
said <<'END'
crm: import: my-customers.csv:3: 手机: is not a phone number: too short (right: a number of the country, or +44 20 7946 0018)
crm: import: made ./crm.db
crm: import: batch 2 ('crm undo 2' takes it back)
crm: import: the bad rows are in my-customers.csv.errors.csv: put them right there and import that file
END
crm get 13800138000 | grep -q 张伟 || die "get"

# the bad rows, put right, are imported from where they are; then that file is empty and gone
sed -i 's/1390013/13900139000/' my-customers.csv.errors.csv
cp my-customers.csv.errors.csv right.csv
want 0 crm import right.csv <<'END'
right.csv: CSV, UTF-8
column       field  found by
姓名         name   label
手机         phone  label
邮箱         email  label
城市         city   label
客户经理     owner  label
crm:line     -      left out: notes of an import
crm:column   -      left out: notes of an import
crm:problem  -      left out: notes of an import
crm:hint     -      left out: notes of an import
1 row: 1 created, 0 updated, 0 unchanged, 0 bad
END
[ ! -e right.csv.errors.csv ] || die "an empty file of bad rows"
sed -i 's/1390013,/13900139000,/' my-customers.csv
crm import my-customers.csv >out
tail -n 1 out >last
same "$(cat last)" '3 rows: 0 created, 0 updated, 3 unchanged, 0 bad'
[ ! -e my-customers.csv.errors.csv ] || die "bad rows of an earlier run are still there"
want 0 crm undo 2 <<'END'
2 deleted, 0 put back, 0 events, 0 skipped; batch 4
END

# a dry run says the same, and changes nothing; without a database it makes none
printf 'name,email\nA,a@example.com\nB,b at home\nC,c@example.com\n' >few.csv
crm -C dry.db import few.csv --dry-run >out 2>err || same $? 1
grep -q '^dry run: 3 rows: 2 created, 0 updated, 0 unchanged, 1 bad$' out || die "dry run"
[ ! -e dry.db ] || die "a dry run made a database"
crm -C new.db import few.csv --atomic >out 2>err || same $? 1
grep -q 'nothing was written, because of the bad rows' err || die "atomic"
[ ! -e new.db ] || die "an atomic import with a bad row made a database"

# policies
crm -C p.db import few.csv >/dev/null 2>&1 || same $? 1
printf 'name,email,city\nA,a@example.com,Rome\nD,d@example.com,Oslo\n' >more.csv
for policy in skip update upsert create; do
    crm -C p.db import more.csv --policy $policy --dry-run 2>/dev/null | tail -n 1
done >out
diff -u - out <<'END' || die "policies"
dry run: 2 rows: 1 created, 0 updated, 0 unchanged, 1 skipped, 0 bad
dry run: 2 rows: 0 created, 1 updated, 0 unchanged, 1 skipped, 0 bad
dry run: 2 rows: 1 created, 1 updated, 0 unchanged, 0 bad
dry run: 2 rows: 2 created, 0 updated, 0 unchanged, 0 bad
END

# standard input, compressed input; bad rows elsewhere, and on standard output
gzip -c few.csv | crm -C s.db import - >out 2>err || same $? 1
grep -q '^standard input: CSV, gzip, UTF-8$' out || die "standard input"
[ ! -e -.errors.csv ] || die "bad rows of standard input"
crm -C s.db import few.csv --errors bad.csv >out 2>err || same $? 1
grep -q 'b at home' bad.csv || die "--errors"
crm -C s.db import few.csv --errors - >out 2>err || same $? 1
tr -d "\r" <out >plain
diff -u - plain <<'END' || die "--errors -"
name,email,crm:line,crm:column,crm:problem,crm:hint
B,b at home,3,email,"has no ""@"", expected an e-mail address such as name@example.com",name@example.com
END
grep -q '3 rows: 0 created' err || die "counts beside the rows"

# a file that holds something else is left alone
printf 'mine\n' >few.csv.errors.csv
silent 3 crm -C s.db import few.csv
said <<'END'
crm: import: few.csv.errors.csv is there and holds no bad rows: --errors FILE names another place
END
same "$(cat few.csv.errors.csv)" mine
rm few.csv.errors.csv

# the mapping can be kept, changed and given
crm -C s.db import more.csv --show-mapping >mapping.yaml
crm -C m.db import more.csv --mapping mapping.yaml 2>err | tail -n 1 >out
same "$(cat out)" '2 rows: 2 created, 0 updated, 0 unchanged, 0 bad'
# what the file was found to be stands in front, and does not hurt, whatever the file is called
printf 'name;phone\nJos\351;13900139011\nZo\353;13900139012\n' >'odd
 : #	name'
want 0 crm -C m.db import 'odd
 : #	name' --show-mapping <<'END'
# odd\n : #\tname: CSV, Windows-1252 (95 % sure), separator ;
columns:
  name: name
  phone: phone
END
cp "$W/out" mapping.yaml
crm -C m.db import 'odd
 : #	name' --mapping mapping.yaml --dry-run 2>err | tail -n 1 >out
same "$(cat out)" 'dry run: 2 rows: 2 created, 0 updated, 0 unchanged, 0 bad'
want 0 crm -C m.db import 'odd
 : #	name' --show-mapping --json <<'END'
{"mapping":"columns:\n  name: name\n  phone: phone\n","format":"csv","encoding":"Windows-1252","encoding_percent":95,"gzip":false,"separator":";"}
END

# events find their customers; again they change nothing
printf 'Email,kind,Date,amount\na@example.com,order,2026-01-05,12.50 CNY\nd@example.com,order,2026-01-06,3 CNY\nnobody@example.com,order,2026-01-06,3 CNY\n' >orders.csv
crm -C m.db import orders.csv --events >out 2>err || same $? 1
tail -n 1 out >last
same "$(cat last)" '3 rows: 2 added, 0 known already, 1 bad'
crm -C m.db import orders.csv --events >out 2>err || same $? 1
tail -n 1 out >last
same "$(cat last)" '3 rows: 0 added, 2 known already, 1 bad'
crm -C m.db timeline a@example.com | grep -q '12.50' || die "timeline"

# lines of JSON
printf '{"name":"J","email":"j@example.com"}\n{"name":"K","email":"k"}\n' >lines.jsonl
crm -C j.db import lines.jsonl >out 2>err || same $? 1
sed -i 's/"email":"k"/"email":"k@example.com"/' lines.jsonl.errors.jsonl
want 0 crm -C j.db import lines.jsonl.errors.jsonl <<'END'
lines.jsonl.errors.jsonl: JSON Lines, UTF-8
1 row: 1 created, 0 updated, 0 unchanged, 0 bad
END

# for programs
crm -C j.db import few.csv --json >out 2>err || same $? 1
if command -v python3 >/dev/null; then
    python3 - <<'END' || die "--json"
import json
r = json.load(open("out"))
assert (r["rows"], r["created"], r["bad"], r["errors"]) == (3, 2, 1, "few.csv.errors.csv"), r
assert r["batch"] and r["written"] and not r["resumable"] and not r["dry_run"], r
assert [c["field"] for c in r["mapping"]["columns"]] == ["name", "email"], r
lines = [json.loads(l) for l in open("err")]
assert lines == [{"error": {"code": "CRM_EVALUE", "verb": "import", "file": "few.csv", "line": 3,
                            "field": "email", "message": lines[0]["error"]["message"]}}], lines
END
fi

# cut short between two commits, then resumed: as if nothing had been
{
    echo name,email
    i=0
    while [ $i -lt 400 ]; do
        echo "N $i,n$i@example.com"
        echo "Bad $i,n$i"
        i=$((i + 1))
    done
} >long.csv
crm -C whole.db import long.csv >/dev/null 2>&1 || same $? 1
mv long.csv.errors.csv whole.errors
for delay in 0.02 0.05 0.1; do
    rm -rf cut.db long.csv.errors.csv*
    "$CRM" -C cut.db import long.csv --commit-rows 5 >/dev/null 2>&1 &
    sleep $delay
    kill -9 $! 2>/dev/null || true
    wait $! 2>/dev/null || true
    rm -rf cut.db.new-*
    crm -C cut.db import long.csv --resume >out 2>err || {
        code=$?
        if [ $code -eq 5 ] || grep -q 'no such import was cut short' err; then
            crm -C cut.db import long.csv >out 2>err || true
        fi
    }
    crm -C whole.db list --csv --fields id,name,email >a
    crm -C cut.db list --csv --fields id,name,email >b
    cmp a b || die "resumed, after $delay"
    cmp whole.errors long.csv.errors.csv || die "bad rows after $delay: $(cat err)"
done

# nothing to go on with, or not this file
printf 'name,email\nA,a@example.com\nB,b@example.com\n' >one.csv
crm -C res.db import one.csv >/dev/null 2>&1
silent 3 crm -C res.db import one.csv --resume
said <<'END'
crm: import: one.csv: no such import was cut short: import without resuming, what is in already stays as it is
END
silent 3 crm -C res.db import one.csv --resume --policy create
said <<'END'
crm: import: one.csv: no such import was cut short: it may have come to its end, and importing again would create who has no unique value once more
END
silent 3 crm -C res.db import one.csv --resume --of 17
said <<'END'
crm: import: one.csv: batch 17 is no import that was cut short: it came to its end, was undone, or is another kind of batch
END
(printf '{"name":"C","email":"c@example.com"}\n'; sleep 2) |
    timeout -s INT 1 "$CRM" -C res.db import - --format jsonl --errors - >/dev/null 2>&1 || true
silent 3 crm -C res.db import one.csv --resume
said <<'END'
crm: import: one.csv: no import that was cut short (batch 3) has these rows: it was of another file, or this one was changed; undo it, or import without resuming
END
silent 4 crm -C res.db import long.csv --resume --of 3 --policy skip
said <<'END'
crm: import: long.csv: batch 3 was begun for customers, with another policy or kind of rows
END
silent 3 crm -C res.db import long.csv --resume --of 3
said <<'END'
crm: import: long.csv: these are not the rows that batch 3 was begun with: give its file as it was, or undo the batch and import this one anew
END
# of what can't be read twice it is seen only then: nothing is told but that
for json in '' --json; do
    code=0
    cat one.csv | "$CRM" -C res.db import - --resume $json >out 2>"$W/err" || code=$?
    same "$code $(grep -c -e '^[0-9]* rows: ' -e '"rows"' out)" '3 0'
    [ -n "$json" ] || said <<'END'
crm: import: standard input: these are not the rows that batch 3 was begun with
END
done

# what the command line says is judged before the bad rows of an earlier import are put by
printf 'name,email\nA,a@example.com\nB,b\n' >bad.csv
crm -C bad.db import bad.csv >/dev/null 2>&1 || same $? 1
cp bad.csv.errors.csv before
for option in "--zone Mars" "--zone +25:00" "--kind nobody" "--format xlsx" "--encoding no-such" \
    "--sheet S" "--source $(head -c 200 /dev/zero | tr '\0' s)" "--mapping one.csv" "--resume --zone Mars"; do
    silent 4 crm -C bad.db import bad.csv $option
    cmp before bad.csv.errors.csv || die "changed: $option"
    [ ! -e bad.csv.errors.csv~ ] && [ ! -e bad.csv.errors.csv.part ] || die "put by: $option"
done
silent 4 crm -C bad.db import bad.csv --zone Mars
said <<'END'
crm: import: bad.csv: no time zone Mars
END

# cells beyond the columns are kept behind the remarks; put right, the row is as any other
printf 'name,email\nAnn,ann@example.com,x,y\n' >wide.csv
crm -C wide.db import wide.csv >/dev/null 2>&1 || same $? 1
tr -d '\r' <wide.csv.errors.csv | grep -q '^Ann,ann@example.com,2,.*,x,y$' || die "cells are lost"
sed -i 's/,x,y\r$/\r/' wide.csv.errors.csv
crm -C wide.db import wide.csv.errors.csv >/dev/null 2>&1
# European numbers
printf 'name;email;credit_limit\nA;a@example.com;1.234\nB;b@example.com;1.234,50\n' >euro.csv
crm -C euro.db import euro.csv >/dev/null 2>&1
crm -C euro.db list --csv --fields name,credit_limit | tr -d '\r' >got
printf 'name,credit_limit\nA,1234 CNY\nB,1234.50 CNY\n' | cmp - got

# the command line
silent 2 crm import
silent 2 crm import a b
silent 2 crm import few.csv --policy merge
silent 2 crm import few.csv --events --policy skip
silent 2 crm import few.csv --resume --dry-run
silent 2 crm import few.csv --separator ab
silent 5 crm import nothing.csv
said <<'END'
crm: import: can't read nothing.csv: No such file or directory
END
mkdir folder
silent 5 crm import folder

# documents: an identity per source is of the source it names, the document's, the import's
cat >sources.jsonl <<'END'
{"name":"S1","external":"X1"}
{"external":["X1","X2"],"name":"S2","source":"till"}
{"name":"S3","identities":[{"kind":"external","value":"X3"},{"kind":"external","source":"erp","value":"X1"}]}
END
crm -C sources.db create name=first >/dev/null 2>&1
want 0 crm -C sources.db import sources.jsonl --source shop <<'END'
sources.jsonl: JSON Lines, UTF-8
3 rows: 3 created, 0 updated, 0 unchanged, 0 bad
END
for who in '2 shop:X1' '3 till:X1' '3 till:X2' '4 shop:X3' '4 erp:X1'; do
    source=${who#* }
    crm -C sources.db get "${who% *}" --json |
        grep -q "\"source\":\"${source%:*}\",\"value\":\"${source#*:}\"" || die "not $who"
done
sed 2,3d sources.jsonl >one.jsonl
want 1 crm -C sources.db import one.jsonl --dry-run --policy create <<'END'
one.jsonl: JSON Lines, UTF-8
dry run: 1 row: 0 created, 0 updated, 0 unchanged, 1 bad
END
grep -q 'external: needs the name of its source' "$W/err" || die "a value without a source"
