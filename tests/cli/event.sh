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
crm: event: --atomic goes with --file
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
crm: event: --file, --reference, --atomic and --dry-run are for add
Try 'crm event --help'.
END

# JSON Lines: each names its customer
cat >lines <<'END'
{"customer":1,"kind":"order","time":"2026-02-01","amount":"1 CNY","reference":"L-1"}
{"kind":"visit","time":"2026-02-02","customer":"phone=13900139000"}

{ "customer" : "13900139000" , "kind":"order","reference":"r","time":"2026-02-03"}
{"customer":1,"kind":"order","time":"2026-02-01","amount":"1 CNY","reference":"L-1"}
END
want 0 crm event add --file lines --dry-run <<'END'
dry run: 3 added, 1 known already, 0 bad
END
want 0 crm event add --file lines <<'END'
3 added, 1 known already, 0 bad
END
want 0 crm event add --file lines --json <<'END'
{"added":1,"known":3,"bad":0,"last_line":5,"interrupted":false,"dry_run":false}
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
want 1 crm event add --file bad --atomic <<'END'
0 added, 0 known already, 10 bad
END
said <<'END'
crm: event: bad:1: customer: is required: an id, or an identity such as "phone=..."
crm: event: bad:2: JSON: the text ends too early at byte 8
crm: event: bad:3: JSON: an event is an object
crm: event: bad:4: there is nothing to search for
crm: event: bad:5: there is no customer 77
crm: event: bad:6: no customer has this value
crm: event: bad:7: an id is a number
crm: event: bad:8: JSON: a name in quotes expected at byte 29
crm: event: bad:9: "visits" is no event kind of the model; did you mean "visit"?
crm: event: bad:10: amount: has no amount, expected such as 12.50 CNY
crm: event: nothing was written, because of the bad lines
END
want 1 sh -c '"$CRM" event add -f - <bad' <<'END'
1 added, 0 known already, 10 bad
END
said <<'END'
crm: event: standard input:1: customer: is required: an id, or an identity such as "phone=..."
crm: event: standard input:2: JSON: the text ends too early at byte 8
crm: event: standard input:3: JSON: an event is an object
crm: event: standard input:4: there is nothing to search for
crm: event: standard input:5: there is no customer 77
crm: event: standard input:6: no customer has this value
crm: event: standard input:7: an id is a number
crm: event: standard input:8: JSON: a name in quotes expected at byte 29
crm: event: standard input:9: "visits" is no event kind of the model; did you mean "visit"?
crm: event: standard input:10: amount: has no amount, expected such as 12.50 CNY
END
want 1 crm event add -f bad --json <<'END'
{"added":1,"known":0,"bad":10,"last_line":11,"interrupted":false,"dry_run":false}
END
said <<'END'
{"error":{"code":"CRM_EVALUE","verb":"event","file":"bad","line":1,"message":"customer: is required: an id, or an identity such as \"phone=...\""}}
{"error":{"code":"CRM_ESYNTAX","verb":"event","file":"bad","line":2,"offset":8,"message":"JSON: the text ends too early at byte 8"}}
{"error":{"code":"CRM_ESYNTAX","verb":"event","file":"bad","line":3,"message":"JSON: an event is an object"}}
{"error":{"code":"CRM_EVALUE","verb":"event","file":"bad","line":4,"message":"there is nothing to search for"}}
{"error":{"code":"CRM_ENOTFOUND","verb":"event","file":"bad","line":5,"message":"there is no customer 77"}}
{"error":{"code":"CRM_ENOTFOUND","verb":"event","file":"bad","line":6,"message":"no customer has this value"}}
{"error":{"code":"CRM_EVALUE","verb":"event","file":"bad","line":7,"message":"an id is a number"}}
{"error":{"code":"CRM_ESYNTAX","verb":"event","file":"bad","line":8,"offset":29,"message":"JSON: a name in quotes expected at byte 29"}}
{"error":{"code":"CRM_EFIELD","verb":"event","file":"bad","line":9,"field":"visits","message":"\"visits\" is no event kind of the model; did you mean \"visit\"?"}}
{"error":{"code":"CRM_EVALUE","verb":"event","file":"bad","line":10,"field":"amount","message":"amount: has no amount, expected such as 12.50 CNY"}}
END
silent 5 crm event add -f missing
said <<'END'
crm: event: can't read missing: No such file or directory
END
printf '{"kind":"visit","time":"2026-05-0%s"}\n' 1 2 3 >visits
want 0 crm event add 2 --file visits --batch=visits <<'END'
3 added, 0 known already, 0 bad
END
said <<'END'
crm: event: batch 17 ('crm undo 17' takes it back)
END
# a line of somebody else is none of hers
printf '{"customer":%s,"kind":"visit","time":"2026-05-01"}\n' 1 2 >whose
want 1 crm event add 2 --file whose --dry-run <<'END'
dry run: 1 added, 0 known already, 1 bad
END
said <<'END'
crm: event: whose:1: customer: is another one than all lines are of
END
want 1 crm event add 77 --file visits <<'END'
0 added, 0 known already, 3 bad
END
said <<'END'
crm: event: visits:1: there is no customer 77
crm: event: visits:2: there is no customer 77
crm: event: visits:3: there is no customer 77
END
silent 2 crm timeline 2 --kind visit --fields x
said <<'END'
crm: timeline: no such option: --fields
Try 'crm timeline --help'.
END
want 0 crm timeline 2 --kind visit <<'END'
Number  Revision  Time                  Kind   Source  Reference  Details
     8        17  2026-05-03T00:00:00Z  Visit
     7        17  2026-05-02T00:00:00Z  Visit
     6        17  2026-05-01T00:00:00Z  Visit
     5        14  2026-02-02T00:00:00Z  Visit
     3        12  2026-02-02T00:00:00Z  Visit
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
want 0 crm event add 3 --file all --dry-run <<'END'
dry run: 7 added, 0 known already, 0 bad
END
want 0 crm event add 3 --file all <<'END'
7 added, 0 known already, 0 bad
END
want 0 crm timeline 3 --all <<'END'
Number  Revision  Time                  Kind   Source  Reference  State      Details
     3        21  2026-04-03T00:00:00Z  Visit
     2        20  2026-04-02T00:00:00Z  Visit
     1        19  2026-04-01T00:00:00Z  Visit
    10        28  2026-01-08T00:00:00Z  Void                      voids 9
     9        27  2026-01-08T00:00:00Z  Order  shop    O-2        voided     Amount: 3 CNY
     8        26  2026-01-07T00:00:00Z  Void                      voids 6
     7        25  2026-01-07T00:00:00Z  Visit                                Subject: a
     6        24  2026-01-07T00:00:00Z  Visit                     voided     Subject: a
     5        23  2026-01-06T10:00:00Z  Order  shop    O-1        voids 4    Amount: 9 CNY
     4        22  2026-01-05T10:00:00Z  Order  shop    O-1        corrected  Amount: 12.50 CNY
END
for again in 1 2; do
    want 0 crm event add 3 --file all <<'END'
0 added, 7 known already, 0 bad
END
done
want 0 crm -C other.db event add 1 --file all <<'END'
0 added, 7 known already, 0 bad
END
sed 's/^{/{"customer":2,/' all >named
want 0 crm event add --file named --atomic <<'END'
7 added, 0 known already, 0 bad
END
want 0 crm event add --file named --atomic <<'END'
0 added, 7 known already, 0 bad
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
want 1 crm event add --file unknown <<'END'
2 added, 0 known already, 4 bad
END
said <<'END'
crm: event: unknown:2: voids: no line before has the number 4 ('crm timeline --all --oldest --json' gives all lines in order)
crm: event: unknown:3: voids: no line before has the number 7 ('crm timeline --all --oldest --json' gives all lines in order)
crm: event: unknown:4: voids: needs the number of an event
crm: event: unknown:5: JSON: a name in quotes expected at byte 50
END
crm timeline 2 --all | diff before - >&2
crm timeline 3 --all --json | grep '"subject":"b"' | grep -q '"state":"voided"' || die "not voided"
want 1 crm event add --file unknown --json <<'END'
{"added":0,"known":2,"bad":4,"last_line":6,"interrupted":false,"dry_run":false}
END
sed -n 1p "$W/err" >line
cp line "$W/err"
said <<'END'
{"error":{"code":"CRM_EVALUE","verb":"event","file":"unknown","line":2,"field":"voids","message":"voids: no line before has the number 4 ('crm timeline --all --oldest --json' gives all lines in order)"}}
END
# without a number, voids is a number of this customer's
printf '{"kind":"void","voids":1}\n' >plain
want 0 crm event add 3 --file plain <<'END'
1 added, 0 known already, 0 bad
END
want 1 crm event add 3 --file plain <<'END'
0 added, 0 known already, 1 bad
END
said <<'END'
crm: event: plain:1: event 1 is voided already
END

# a file of another sort does not flood the terminal
printf 'visit,2026-01-%d\n' 1 2 3 4 5 6 7 8 9 10 11 12 >csv
want 1 crm event add 3 --file csv <<'END'
0 added, 0 known already, 12 bad
END
same "$(wc -l <"$W/err")" 12
sed -n '2p;$p' "$W/err" >some
cp some "$W/err"
said <<'END'
crm: event: csv looks like CSV: each line must be a JSON document; mlr --icsv --ojsonl cat makes it so
crm: event: ... and 2 more bad lines (--json tells all)
END
