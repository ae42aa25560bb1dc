# SPDX-License-Identifier: MIT
# event: added from arguments and from JSON Lines, corrected, voided, known ones, batches.
. "$CLI_TESTS/lib.sh"

crm create name=Ann phone=13800138000 external@erp=1 >/dev/null 2>&1
crm create 姓名=张伟 phone=13900139000 >/dev/null
want 0 crm event add 1 kind=order time=2026-01-05T10:00:00Z amount='12.50 CNY' product=茶叶 --source shop --reference O-1 <<'END'
1
END
want 0 crm event add 1 kind=order product=Tea --source shop --reference O-1 <<'END'
1
END
said <<'END'
crm: event: event 1 of customer 1 has this source and reference: nothing was added
END
want 0 crm event add 1 kind=order --source shop --reference O-1 --json <<'END'
{"customer":1,"number":1,"added":false,"dry_run":false}
END
want 0 crm event add 13900139000 类型=通话 方向=呼入 时长=90 time=2026-03-01T09:30 --zone +08:00 --json <<'END'
{"customer":2,"number":1,"added":true,"dry_run":false}
END
want 0 crm event add external@erp=1 kind=order amount='9 CNY' time=2026-01-06 voids=1 --dry-run <<'END'
dry run: would add event 2 to customer 1
END
want 0 crm event add external@erp=1 kind=order amount='9 CNY' time=2026-01-06 voids=1 --dry-run --json <<'END'
{"customer":1,"number":2,"added":true,"dry_run":true}
END
want 0 crm event add external@erp=1 kind=order amount='9 CNY' time=2026-01-06 voids=1 <<'END'
2
END
silent 3 crm event void 1 1
said <<'END'
crm: event: event 1 is voided already
END
want 0 crm event add 1 kind=visit time=2026-01-07 <<'END'
3
END
want 0 crm event void 1 2 3 <<'END'
voided 2
voided 3
END
want 0 crm event void 2 1 --json <<'END'
{"customer":2,"voided":1}
END
want 0 timeless crm timeline 1 --all --json --oldest <<'END'
{"number":1,"kind":"order","time":"TIME","amount":{"amount":"12.50","currency":"CNY"},"product":"茶叶","source":"shop","reference":"O-1","state":"corrected","revision":4}
{"number":2,"kind":"order","time":"TIME","amount":{"amount":"9","currency":"CNY"},"voids":1,"state":"voided","revision":6}
{"number":4,"kind":"void","time":"TIME","voids":2,"revision":8}
{"number":3,"kind":"visit","time":"TIME","state":"voided","revision":7}
{"number":5,"kind":"void","time":"TIME","voids":3,"revision":9}
END

# nothing happens when anything is wrong
silent 3 crm event void 2 1
said <<'END'
crm: event: event 1 is voided already
END
silent 1 crm event void 1 77
said <<'END'
crm: event: customer 1 has no event 77
END
silent 4 crm event void 1 4
said <<'END'
crm: event: event 4 is itself a void
END
silent 4 crm event add 1 kind=ordr
said <<'END'
crm: event: "ordr" is no event kind of the model; did you mean "order"?
END
silent 4 crm event add 1 kind=order amont='5 CNY'
said <<'END'
crm: event: "amont" is no attribute of order; did you mean "amount"?
END
silent 4 crm event add 1 kind=order amount=five
said <<'END'
crm: event: amount: has no amount, expected such as 12.50 CNY
END
silent 4 crm event add 1 kind=order amount=five --json
said <<'END'
{"error":{"code":"CRM_EVALUE","verb":"event","field":"amount","message":"amount: has no amount, expected such as 12.50 CNY"}}
END
silent 4 crm event add 1 amount='5 CNY'
said <<'END'
crm: event: kind: an event has one
END
silent 4 crm event add 1 kind=order time=yesterday
said <<'END'
crm: event: time: is not a date and time: expected YYYY-MM-DDTHH:MM:SS with Z or an offset
END
silent 1 crm event add 1 kind=order voids=77
said <<'END'
crm: event: customer 1 has no event 77
END
silent 1 crm event add 77 kind=order
said <<'END'
crm: event: there is no customer 77
END
silent 1 crm event add nobody@example.com kind=order
said <<'END'
crm: event: no customer has nobody@example.com (searched: phone, email, wechat, wecom, qq, tax_id)
END
silent 5 crm -C nowhere event add 1 kind=order
said <<'END'
crm: event: there is no database at nowhere ('crm init' makes one, -C names another)
END
same "$(crm timeline 1 --all --json | wc -l)" 5

# the command line
silent 2 crm event
said <<'END'
crm: event: needs add or void
Try 'crm event --help'.
END
silent 2 crm event ad 1 kind=order
said <<'END'
crm: event: needs add or void
Try 'crm event --help'.
END
silent 2 crm event add 1
said <<'END'
crm: event: add needs a customer and kind=KIND, or --file FILE
Try 'crm event --help'.
END
silent 2 crm event add 1 order
said <<'END'
crm: event: 'order' is not of the form ATTRIBUTE=VALUE
Try 'crm event --help'.
END
silent 2 crm event add 1 kind=order amount=
said <<'END'
crm: event: amount has no value (leave it out)
Try 'crm event --help'.
END
silent 2 crm event add 1 kind=order product+=Tea
said <<'END'
crm: event: an event has one value of each attribute: write product=VALUE
Try 'crm event --help'.
END
silent 2 crm event add 1 kind=order product=Tea product=Cake
said <<'END'
crm: event: product is given twice
Try 'crm event --help'.
END
silent 2 crm event add 1 kind=order voids=x
said <<'END'
crm: event: voids needs the number of an event
Try 'crm event --help'.
END
silent 2 crm event add 1 kind=order --atomic
said <<'END'
crm: event: --atomic, --errors and --resume go with --file
Try 'crm event --help'.
END
silent 2 crm event add 1 kind=order --file x
said <<'END'
crm: event: either --file or ATTRIBUTE=VALUE
Try 'crm event --help'.
END
silent 2 crm event add --file x --refrence O-1
said <<'END'
crm: event: no such option: --refrence; did you mean "--reference"?
Try 'crm event --help'.
END
silent 2 crm event void 1
said <<'END'
crm: event: void needs a customer and the number of an event
Try 'crm event --help'.
END
silent 2 crm event void 1 0
said <<'END'
crm: event: '0' is no number of an event
Try 'crm event --help'.
END
silent 2 crm event void 1 2 --dry-run
said <<'END'
crm: event: --file, --reference, --atomic, --dry-run, --errors and --resume are for add
Try 'crm event --help'.
END

# a file goes the road of import; the last line of its report
counts()
{
    code=0
    "$CRM" event add "$@" >"$W/report" 2>"$W/err" || code=$?
    tail -n 1 "$W/report"
    return "$code"
}

# JSON Lines: each names its customer; the same line is the same event whenever it comes
cat >lines <<'END'
{"customer":1,"kind":"order","time":"2026-02-01","amount":"1 CNY","reference":"L-1"}
{"kind":"visit","time":"2026-02-02","customer":"phone=13900139000"}

{ "customer" : "13900139000" , "kind":"order","reference":"r","time":"2026-02-03"}
{"customer":1,"kind":"order","time":"2026-02-01","amount":"1 CNY","reference":"L-1"}
END
want 0 crm event add --file lines --dry-run <<'END'
lines: JSON Lines, UTF-8
dry run: 4 rows: 3 added, 1 known already, 0 bad
END
want 0 counts --file lines <<'END'
4 rows: 3 added, 1 known already, 0 bad
END
want 0 counts --file lines <<'END'
4 rows: 0 added, 4 known already, 0 bad
END
# whose it is, in every way
cat >ways <<'END'
{"customer":"external@erp=1","kind":"visit","time":"2026-02-10"}
{"customer":{"external@erp":"1","phone":"138 0013 8000"},"kind":"visit","time":"2026-02-11"}
{"customer":"id=1","kind":"visit","time":"2026-02-12"}
{"customer":"1","kind":"visit","time":"2026-02-13"}
{"customer":1,"类型":"拜访","time":"2026-02-14"}
{"customer":{"external@erp":"1","phone":"13900139000"},"kind":"visit","time":"2026-02-15"}
END
want 1 counts --file ways <<'END'
6 rows: 5 added, 0 known already, 1 bad
END
sed -n 1p "$W/err" >line
cp line "$W/err"
said <<'END'
crm: event: ways:6: customer: the identities belong to more than one customer
END
cat >bad <<'END'
{"kind":"visit"}
{"kind":
[1]
{"customer":"","kind":"visit"}
{"customer":77,"kind":"visit"}
{"customer":"nobody@example.com","kind":"visit"}
{"customer":"id=x","kind":"visit"}
{"customer":1,"kind":"visit",}
{"customer":1,"kind":"visits"}
{"customer":1,"kind":"order","amount":"five"}
{"customer":1,"kind":"visit","time":"2026-02-09"}
END
want 1 counts --file bad --atomic <<'END'
11 rows: 1 added, 0 known already, 10 bad
END
said <<'END'
crm: event: bad:1: customer: is required: a number, "field=value" or {"field":"value"}
crm: event: bad:2: JSON: the text ends too early at byte 8 (right: a line is one whole JSON document, as jq -c . writes it)
crm: event: bad:3: an event is an object
crm: event: bad:4: customer: a number, "field=value" or {"field":"value"}
crm: event: bad:5: there is no customer 77 (right: a customer who is there)
crm: event: bad:6: customer: there is no such customer (right: a customer who is there)
crm: event: bad:7: customer: the number of a customer is a whole number
crm: event: bad:8: JSON: a name in quotes expected at byte 29
crm: event: bad:9: visits: "visits" is no event kind of the model; did you mean "visit"?
crm: event: bad:10: amount: has no amount, expected such as 12.50 CNY
crm: event: nothing was written, because of the bad rows
crm: event: the bad rows are in bad.errors.jsonl, with what is wrong: put them right in the file itself
END
want 1 sh -c '"$CRM" event add -f - --errors left.jsonl <bad' <<'END'
standard input: JSON Lines, UTF-8
11 rows: 1 added, 0 known already, 10 bad
END
same "$(sed -n 9p left.jsonl)" '{"crm:line":9,"crm:column":"visits","crm:problem":"\"visits\" is no event kind of the model; did you mean \"visit\"?","crm:hint":"","customer":1,"kind":"visits"}'
sed -n 9p left.jsonl | sed 's/:"visits"}$/:"visit","time":"2026-02-16"}/' >right
want 0 counts -f right <<'END'
1 row: 1 added, 0 known already, 0 bad
END
want 1 counts -f bad --json --dry-run <<'END'
{"file":"bad","rows":11,"created":0,"updated":0,"unchanged":1,"skipped":0,"bad":10,"empty":0,"resumed":0,"batch":null,"written":false,"dry_run":true,"interrupted":false,"resumable":false,"errors":null,"mapping":{"format":"jsonl","encoding":"UTF-8","encoding_percent":100,"gzip":false,"separator":"","columns":[]}}
END
sed -n 9,10p "$W/err" >line
cp line "$W/err"
said <<'END'
{"error":{"code":"CRM_EFIELD","verb":"event","file":"bad","line":9,"field":"visits","message":"visits: \"visits\" is no event kind of the model; did you mean \"visit\"?"}}
{"error":{"code":"CRM_EVALUE","verb":"event","file":"bad","line":10,"field":"amount","message":"amount: has no amount, expected such as 12.50 CNY"}}
END
silent 5 crm event add -f missing
said <<'END'
crm: event: can't read missing: No such file or directory
END

# all of one customer; a line of somebody else is none of hers
printf '{"kind":"visit","time":"2026-05-0%s"}\n' 1 2 3 >visits
want 0 counts 2 --file visits --batch=visits <<'END'
3 rows: 3 added, 0 known already, 0 bad
END
grep -q "batch [0-9]* ('crm undo" "$W/err" || die "no batch"
printf '{"customer":%s,"kind":"visit","time":"2026-05-01"}\n' 1 2 >whose
want 1 counts 2 --file whose --dry-run <<'END'
dry run: 2 rows: 1 added, 0 known already, 1 bad
END
said <<'END'
crm: event: whose:1: customer: is another one than all lines are of
crm: event: the bad rows were not kept: --errors FILE keeps them
END
want 1 counts 77 --file visits --errors - <<'END'
{"crm:line":3,"crm:column":"","crm:problem":"there is no customer 77","crm:hint":"a customer who is there","kind":"visit","time":"2026-05-03"}
END
silent 1 crm event add external@erp=77 --file visits
# so of a table, with a column for it or not; the same rows are known again
printf 'kind,time,reference\nvisit,2026-01-01,T-1\nvisit,2026-01-02,T-2\n' >table
silent 4 crm event add --file table
said <<'END'
crm: event: table: no column tells whose an event is: a phone, an e-mail, a customer number or another identity
END
want 0 counts 2 --file table <<'END'
2 rows: 2 added, 0 known already, 0 bad
END
want 0 counts 2 --file table <<'END'
2 rows: 0 added, 2 known already, 0 bad
END
printf 'phone,customer,kind,time\n13900139000,,visit,2026-01-03\n,,visit,2026-01-04\n,2,visit,2026-01-05\n' >table
printf '13800138000,,visit,2026-01-06\n,1,visit,2026-01-07\n13600136000,,visit,2026-01-08\n' >>table
want 1 counts 2 --file table --dry-run <<'END'
dry run: 6 rows: 3 added, 0 known already, 3 bad
END
said <<'END'
crm: event: table:5: phone: is another customer's than the one all rows are of
crm: event: table:6: customer: is another customer's than the one all rows are of
crm: event: table:7: phone: no customer has an identity of the row
crm: event: the bad rows were not kept: --errors FILE keeps them
END
printf 'phone,kind,time\n13900139000,visit,2026-01-01\n' >table
want 0 counts --file table <<'END'
1 row: 1 added, 0 known already, 0 bad
END

# lines with numbers, as timeline writes them: what they void is a line before, whatever its number here
crm -C other.db create name=Ann >/dev/null 2>&1
add()
{
    crm -C other.db event add 1 "$@" >/dev/null
}
add kind=order time=2026-01-05T10:00:00Z amount='12.50 CNY' --source shop --reference O-1
add kind=order time=2026-01-06T10:00:00Z amount='9 CNY' --source shop --reference O-1 voids=1
add kind=visit time=2026-01-07 subject=a
add kind=visit time=2026-01-07 subject=a
add kind=order time=2026-01-08 amount='3 CNY' --source shop --reference O-2
crm -C other.db event void 1 3 5 >/dev/null
crm -C other.db timeline 1 --all --oldest --json >all
crm create name=Target >/dev/null
for day in 1 2 3; do
    crm event add 3 kind=visit time=2026-04-0$day >/dev/null
done
want 0 counts 3 --file all --dry-run <<'END'
dry run: 7 rows: 7 added, 0 known already, 0 bad
END
want 0 counts 3 --file all <<'END'
7 rows: 7 added, 0 known already, 0 bad
END
crm timeline 3 --all | sed 's/ Revision/Revision/; s/^ *\([0-9]*\) *[0-9]* /\1 /; s/  */ /g' >shown
diff -u - shown <<'END' || die "timeline"
Number Revision Time Kind Source Reference State Details
3 2026-04-03T00:00:00Z Visit
2 2026-04-02T00:00:00Z Visit
1 2026-04-01T00:00:00Z Visit
10 2026-01-08T00:00:00Z Void voids 9
9 2026-01-08T00:00:00Z Order shop O-2 voided Amount: 3 CNY
8 2026-01-07T00:00:00Z Void voids 6
7 2026-01-07T00:00:00Z Visit Subject: a
6 2026-01-07T00:00:00Z Visit voided Subject: a
5 2026-01-06T10:00:00Z Order shop O-1 voids 4 Amount: 9 CNY
4 2026-01-05T10:00:00Z Order shop O-1 corrected Amount: 12.50 CNY
END
for again in 1 2; do
    want 0 counts 3 --file all <<'END'
7 rows: 0 added, 7 known already, 0 bad
END
done
want 0 counts -C other.db 1 --file all <<'END'
7 rows: 0 added, 7 known already, 0 bad
END
sed 's/^{/{"customer":2,/' all >named
want 0 counts --file named --atomic <<'END'
7 rows: 7 added, 0 known already, 0 bad
END
want 0 counts --file named --atomic <<'END'
7 rows: 0 added, 7 known already, 0 bad
END
# the events of other customers, and later lines, are none that a line may void
{
    printf '{"customer":3,"number":4,"kind":"visit","time":"2026-06-01","subject":"b"}\n'
    printf '{"customer":2,"number":5,"kind":"void","voids":4}\n'
    printf '{"customer":3,"number":6,"kind":"void","voids":7}\n'
    printf '{"customer":3,"number":7,"kind":"visit","voids":"x"}\n'
    printf '{"customer":3,"number":8,"kind":"visit","voids":4,}\n'
    printf '{"customer":3,"number":9,"kind":"void","voids":4}\n'
} >unknown
crm timeline 2 --all >before
want 1 counts --file unknown <<'END'
6 rows: 2 added, 0 known already, 4 bad
END
sed '/batch/d; /bad rows/d' "$W/err" >line
cp line "$W/err"
said <<'END'
crm: event: unknown:2: voids: no line before has the number 4: the lines of a customer stand in order of their numbers, and none is left out
crm: event: unknown:3: voids: no line before has the number 7: the lines of a customer stand in order of their numbers, and none is left out
crm: event: unknown:4: voids: is the number of an event
crm: event: unknown:5: JSON: a name in quotes expected at byte 50
END
crm timeline 2 --all | diff before - >&2
crm timeline 3 --all --json | grep '"subject":"b"' | grep -q '"state":"voided"' || die "not voided"
want 1 counts --file unknown <<'END'
6 rows: 0 added, 2 known already, 4 bad
END
# without a number, voids is a number of this customer's
printf '{"kind":"void","voids":1}\n' >plain
want 0 counts 3 --file plain <<'END'
1 row: 1 added, 0 known already, 0 bad
END
want 1 counts 3 --file plain <<'END'
1 row: 0 added, 0 known already, 1 bad
END
sed -n 1p "$W/err" >line
cp line "$W/err"
said <<'END'
crm: event: plain:1: voids: event 1 is voided already (right: another value)
END

# one that was cut short goes on, and what its first lines became is known
crm -C cut.db create name=Ann >/dev/null 2>&1
sh -c '(sed -n 1p all; sleep 2) | timeout -s INT 1.5 "$CRM" -C cut.db event add 1 --file -' >/dev/null 2>&1 || true
want 0 counts -C cut.db 1 --file all --resume <<'END'
7 rows: 7 added, 0 known already, 0 bad
END
bare()
{
    sed 's/,"revision":.*//; s/"number":[0-9]*,//; s/"voids":[0-9]*/"voids"/'
}
crm -C cut.db timeline 1 --all --oldest --json | bare >here
bare <all | diff - here >&2
# a unique identity that nobody has is named as another one is
printf 'external,kind,time\nE9,visit,2026-01-01\n' >nobody.csv
want 1 counts --file nobody.csv --source shop --dry-run <<'END'
dry run: 1 row: 0 added, 0 known already, 1 bad
END
said <<'END'
crm: event: nobody.csv:2: external: no customer has an identity of the row
crm: event: the bad rows were not kept: --errors FILE keeps them
END
