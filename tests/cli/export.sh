# SPDX-License-Identifier: MIT
# export: CSV, JSON Lines, vCard, events, journal; read back by Python and by the import.
. "$CLI_TESTS/lib.sh"

crm create name='Li Na' phone='+86 138 0013 8000' email=a@example.com email=b@example.com \
    city=上海 gender=female birth_date=1990-05-01 external@erp=E1 notes='two
lines, "quoted"' >/dev/null
crm create name='=SUM(A1)' phone='+86 138 0013 8001' kind=organisation \
    website=https://example.com/a >/dev/null
crm create name=Gone phone='+86 138 0013 8002' >/dev/null
crm delete 3 >/dev/null
crm event add 1 kind=order time=2026-01-02T03:04:05Z amount='12.50 CNY' product=tea \
    --reference R1 --source shop >/dev/null

plain()
{
    "$@" | tr -d '\r'
}

silent 2 crm export
said <<'END'
crm: export: --reason is needed: why it is handed out, for the journal
Try 'crm export --help'.
END
want 0 plain crm export --fields id,name,email,external@erp --reason test <<'END'
id,name,email,external@erp
1,Li Na,a@example.com;b@example.com,E1
2,=SUM(A1),,
END
crm export --fields name --excel --reason test | tr -d '\r' >got
printf '\357\273\277name\nLi Na\n'"'"'=SUM(A1)\n' >wanted
cmp got wanted
crm export --fields 姓名,性别 --labels --lang zh --reason test | tr -d '\r' >got
printf '姓名,性别\nLi Na,女\n=SUM(A1),\n' >wanted
cmp got wanted
# the name tells the format, or is refused; JSON for who asks for JSON
silent 2 crm export people.xlsx --reason test
said <<'END'
crm: export: the name of the file tells no format: .csv, .tsv, .jsonl, .ndjson, .vcf and .vcard do, or --format csv, jsonl or vcard
Try 'crm export --help'.
END
[ ! -e people.xlsx ]
crm export people.txt --format csv --fields name --reason test >/dev/null
crm export dir.d/../plain --fields name --reason test >/dev/null 2>&1 && die "there is no dir.d"
crm export plain --fields name --reason test >/dev/null
cmp plain people.txt
crm export --json --reason test | grep -q '^{"id":1,"kind":"person",' || die "no JSON"
want 0 plain crm export --json --format csv --fields id --reason test <<'END'
id
1
2
END
crm export o.csv --events --fields customer,kind,time,reference,amount --reason test >/dev/null
tr -d '\r' <o.csv >got
printf 'customer,kind,time,reference,amount\n1,order,2026-01-02T03:04:05Z,R1,12.50 CNY\n' >wanted
cmp got wanted
silent 3 crm export o.csv --events --reason test
said <<'END'
crm: export: there is a file o.csv already (--force replaces it)
END
crm export o.csv --force --reason 'once more' | grep -q '^exported 2 rows to o.csv ('
silent 4 crm export --zone Mars --reason test
silent 4 crm export --zone Mars --where 'score >= 7' --reason test
silent 4 crm segment export 'score >= 7' --zone Mars --reason test
silent 4 crm export --fields nosuch --reason test
silent 2 crm export --format xml --reason test
silent 2 crm export --events --journal --reason test
crm export --format vcard --reason test | tr -d '\r' | sed 's/^REV:.*/REV/; s/^UID:urn:uuid:[0-9a-f-]*$/UID/' >got
cat >wanted <<'END'
BEGIN:VCARD
VERSION:4.0
KIND:individual
UID
FN:Li Na
ADR:;;;上海;;;
BDAY:19900501
GENDER:F
NOTE:two\nlines\, "quoted"
TEL:+8613800138000
EMAIL:a@example.com
EMAIL:b@example.com
X-CRM-FIELD;NAME=external@erp:E1
REV
END:VCARD
BEGIN:VCARD
VERSION:4.0
KIND:org
UID
FN:=SUM(A1)
TEL:+8613800138001
URL:https://example.com/a
REV
END:VCARD
END
cmp got wanted

# a segment, with the journal's entry
want 0 plain crm export --where 'email is not empty' --fields id,name --reason test <<'END'
id,name
1,Li Na
END
want 0 plain crm segment export '电话 is not empty' --kind organisation --fields id --reason test <<'END'
id
2
END
want 0 plain crm segment export 'kind = person' --events --fields customer,reference --reason test <<'END'
customer,reference
1,R1
END
crm segment export 'event(order)' some.jsonl --purpose audit --channel mail --reason why >/dev/null
crm changes | tail -n 1 | grep -q '  export (why) of event(order)$'
crm changes --json | tail -n 1 | grep -q \
    '"action":"export","reason":"why","segment":"event(order)",.*"purpose":"audit","channel":"mail"'
silent 4 crm export --where 'score >>= 7' --reason test
said <<'END'
crm: export: expected a value where ">=" stands
  score >>= 7
         ^
END
silent 1 crm segment export 'segment(nobody)' --reason test
silent 2 crm segment export all --journal --reason test
silent 2 crm segment export
silent 2 crm segment export all
# every export is in the journal, and what was refused is not
crm changes | grep -q '  export (test)$'
crm changes | grep -c '  export (' >got
echo 14 | cmp - got
crm export --journal --reason audit >journal.jsonl
tail -n 1 journal.jsonl | grep -q '"action":"export","reason":"audit"'
crm changes --json --limit 1000 | cmp - journal.jsonl
crm export journal.csv --journal --reason audit
/usr/bin/python3 - journal.csv <<'END'
import csv, json, subprocess, sys
import os
rows = list(csv.DictReader(open(sys.argv[1], encoding="utf-8", newline="")))
told = subprocess.run([os.environ["CRM"], "changes", "--json", "--limit", "1000"], capture_output=True, text=True)
lines = [json.loads(l) for l in told.stdout.splitlines()]
assert len(rows) == len(lines) and len(rows) > 5
for r, l in zip(rows, lines):
    assert int(r["revision"]) == l["revision"] and r["recorded_at"] == l["recorded_at"], r
    assert r["action"] == l["action"] and (r["actor"] or None) == l.get("actor"), r
    assert (r["reason"] or None) == l.get("reason") and (r["segment"] or None) == l.get("segment"), r
    assert (r["fields"].split(";") if r["fields"] else []) == l.get("fields", []), r
    assert int(r["created"] or 0) == l.get("created", 0) and int(r["batch"] or 0) == l.get("batch", 0), (r, l)
    for tag in l.get("tags", []):
        assert tag["tag"] in r["tags"], (r, l)
assert any(r["fields"] for r in rows)
END
silent 4 crm export x.vcf --journal --reason audit
silent 4 crm export --journal --fields name --reason audit

crm tag add region:cn/上海 1 >/dev/null
crm tag add behaviour:active 1 --until 2040-01-31 >/dev/null
crm tag add 'label:old, friends' 1 >/dev/null 2>&1 && die "a comma"
crm tag add 'label:old friends' 1 2 >/dev/null
# other readers see the same, and the import finds nothing to change
crm export all.csv --reason test >/dev/null
crm export all.jsonl --reason test >/dev/null
want 0 plain crm export --fields 'id,tag:地域,tag:label' --reason test <<'END'
id,tag:region,tag:label
1,cn/上海,old friends
2,,old friends
END
crm export cards.vcf --reason test >/dev/null
crm export full.jsonl --with-events --with-origins --reason test >/dev/null
"${PYTHON:-python3}" - <<'END'
import csv, json
rows = list(csv.DictReader(open("all.csv", newline="", encoding="utf-8")))
docs = [json.loads(line) for line in open("all.jsonl", encoding="utf-8")]
full = [json.loads(line) for line in open("full.jsonl", encoding="utf-8")]
assert len(rows) == len(docs) == len(full) == 2
for row, doc in zip(rows, docs):
    assert row["id"] == str(doc["id"]) and row["name"] == doc["name"] and row["kind"] == doc["kind"]
    assert row["notes"] == doc.get("notes", "")
    assert row["email"] == ";".join(doc.get("email", []))
assert rows[0]["tags"] == "region:cn/上海;behaviour:active (until 2040-01-31T00:00:00Z);label:old friends"
assert docs[0]["tags"] == ["region:cn/上海", {"tag": "behaviour:active", "until": "2040-01-31T00:00:00Z"},
                           "label:old friends"]
assert rows[1]["tags"] == "label:old friends" and full[1]["tags"] == [rows[1]["tags"]]
cards = open("cards.vcf", newline="", encoding="utf-8").read().replace("\r\n ", "").split("\r\n")
assert [line[11:].split(",") for line in cards if line.startswith("CATEGORIES:")] == \
    [row["tags"].split(";") for row in rows]
assert rows[0]["notes"] == 'two\nlines, "quoted"' and rows[0]["external@erp"] == "E1"
assert full[0]["events"][0]["reference"] == "R1" and "origins" in full[0]
END
revision()
{
    crm stat --json | sed 's/.*"revision":\([0-9]*\).*/\1/'
}
revision >before
crm import all.csv >report 2>&1
grep -q '2 rows: 0 created, 0 updated, 2 unchanged, 0 bad' report
crm import all.jsonl >report 2>&1
grep -q '0 created, 0 updated, 2 unchanged, 0 bad' report
revision | cmp - before
want 0 crm check --repair <<END
$(crm check); 0 faults repaired
END

# chosen columns come back, and what does not is said
mkdir chosen && cd chosen
printf '%s\n' '{"name":"Ann","phone":["13800138000","13900139000"],"city":"Rome","score":3,"external":[{"source":"erp","value":"7"}],"tags":["region:us"]}' \
    '{"kind":"organisation","name":"Org","city":"Oslo"}' | crm create --file - >/dev/null 2>&1
crm get --json 1 2 | sed 's/"revision":[0-9]*,//; s/"updated_at":"[^"]*",//' >before
back()
{
    crm export back.csv --force --reason test --fields "$1" >/dev/null 2>"$W/err"
    crm import back.csv >report 2>imported || true
    tail -n 1 report
    rm -f back.csv.errors.csv
}
want 0 back id,kind,score <<'END'
2 rows: 0 created, 0 updated, 2 unchanged, 0 bad
END
said </dev/null
want 0 back id,kind,tags,created_at,external@erp <<'END'
2 rows: 0 created, 0 updated, 2 unchanged, 0 bad
END
said <<'END'
crm: export: imported again, it leaves out: created_at
END
for fields in name,phone phone,city,tags external@erp,score kind,name,phone,tag:region; do
    want 0 back "$fields" <<'END'
2 rows: 0 created, 0 updated, 1 unchanged, 1 bad
END
    grep -q 'and those without are not: begin with id,kind' "$W/err" || die "$fields: nothing said"
done
want 0 back revision,phone,created_at <<'END'
END
said <<'END'
crm: export: it can't be imported again: name: there is no column for it, and every person must have it (columns that begin with id,kind always can)
END
want 0 back name,phone,created_at <<'END'
2 rows: 0 created, 1 updated, 0 unchanged, 1 bad
END
said <<'END'
crm: export: imported again, it has created_at as first_contact
crm: export: imported again, customers are found by phone, and those without are not: begin with id,kind
END
crm undo "$(sed -n "s/.*batch \([0-9]*\).*/\1/p" imported)" >/dev/null
want 0 back id,name,city <<'END'
END
said <<'END'
crm: export: it can't be imported again: no column is an identity or a unique field, by which customers are found: only the policy create is possible (columns that begin with id,kind always can)
END
crm export back.csv --force --reason test --fields external,name >/dev/null 2>"$W/err"
said <<'END'
crm: export: imported again, values of external lose their source: choose external@SOURCE
END
crm get --json 1 2 | sed 's/"revision":[0-9]*,//; s/"updated_at":"[^"]*",//' | diff before - >&2

# what was changed in such a file is taken; a customer who is not there needs a name
printf 'phone,city\n13800138000,Kiel\n13700137000,Bonn\n' >cities.csv
want 1 crm import cities.csv <<'END'
cities.csv: CSV, UTF-8
column  field  found by
phone   phone  key
city    city   key
2 rows: 0 created, 1 updated, 0 unchanged, 1 bad
END
grep -q 'cities.csv:3: name: is required' "$W/err" || die "no name"
printf 'phone,city,Nmae\n13800138000,Rome,Ann\n' >nmae.csv
silent 4 crm import nmae.csv
said <<'END'
crm: import: nmae.csv: name: there is no column for it, and every person must have it
END
cd ..

# events without a source come back as those that they are
crm -C events.db create name=E phone=13800000077 >/dev/null 2>&1
crm -C events.db event add 1 kind=order amount='12.50 CNY' --reference A-1 >/dev/null
crm -C events.db event add 1 kind=order amount='2 CNY' --reference A-2 --source shop >/dev/null
crm -C events.db export ev.csv --events --reason back 2>/dev/null
crm -C events.db import --events ev.csv --json 2>/dev/null >got
grep -q '"unchanged":2' got || { cat got; exit 1; }
# the name of a saved one will do
crm segment save phoned '电话 is not empty' >/dev/null
crm segment export phoned by-name.csv --reason test 2>/dev/null
crm segment export '电话 is not empty' by-text.csv --reason test 2>/dev/null
crm export by-where.csv --where phoned --reason test 2>/dev/null
cmp by-name.csv by-text.csv && cmp by-name.csv by-where.csv || die "exported by a name"
