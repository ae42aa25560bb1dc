# SPDX-License-Identifier: MIT
# dump, load.
. "$CLI_TESTS/lib.sh"

awk 'BEGIN { for (i = 1; i <= 2000; i++)
    printf "{\"name\":\"Somebody %d\",\"phone\":\"139%08d\",\"events\":[{\"kind\":\"order\",\"amount\":\"%d CNY\"}]}\n", i, i, i }' |
    "$CRM" create --file - >/dev/null 2>&1
crm delete 7 >/dev/null

# sizes differ with the page size of the machine, and times have one width or another
sized()
{
    sized_code=0
    "$@" >"$W/sized" || sized_code=$?
    sed -E 's/[0-9.]+ [KM]iB/SIZE/g; s/(bytes|lines)":[0-9]+/\1":N/g' "$W/sized"
    return $sized_code
}

want 0 sized crm dump --no-journal monday.jsonl <<'END'
monday.jsonl: 2,000 customers, 2,000 events, revision 3, SIZE from SIZE
END
crm dump --no-journal >out.jsonl
cmp out.jsonl monday.jsonl
same "$(wc -l <out.jsonl)" "$(tail -n 1 out.jsonl | sed -E 's/^\{"end":([0-9]+),.*/\1/' | awk '{ print $1 + 1 }')"
same "$(grep -c '^{"customer"' out.jsonl)" 2000
same "$(grep -c '^{"event"' out.jsonl)" 2000
silent 3 crm dump monday.jsonl
said <<'END'
crm: dump: there is a file monday.jsonl already (--force replaces it)
END
want 0 sized crm dump --no-journal --gzip --force --json monday.jsonl <<'END'
{"file":"monday.jsonl","revision":3,"customers":2000,"events":2000,"lines":N,"source_bytes":N,"bytes":N}
END
crm dump --no-journal --gzip >out.gz
cmp out.gz monday.jsonl
if command -v gzip >/dev/null; then
    gzip -dc <out.gz | cmp - out.jsonl
fi

want 0 sized crm -C again.db load monday.jsonl <<'END'
again.db: 2,000 customers, 2,000 events, revision 3, SIZE from SIZE
END
want 0 sized crm -C 门店.db --json load out.jsonl <<'END'
{"path":"门店.db","revision":3,"customers":2000,"events":2000,"lines":N,"source_bytes":N,"bytes":N}
END
same "$(crm head)" "$(crm -C again.db head)"
crm -C again.db dump --no-journal | cmp - out.jsonl
crm -C 门店.db dump --no-journal | cmp - out.jsonl
crm -C again.db check >checked
grep -q '^0 faults in ' checked
crm -C again.db verify >/dev/null
crm -C again.db create name=New >/dev/null
same "$(crm -C again.db list --kind person --limit 500 --json)" "$(crm list --kind person --limit 500 --json)"

silent 3 crm -C again.db load monday.jsonl
said <<'END'
crm: load: there is a database at again.db already
END
silent 5 crm -C x.db load nothing
said <<'END'
crm: load: there is no file nothing
END
echo '{"name":"Li Na"}' >other
silent 5 crm -C x.db load other
said <<'END'
crm: load: line 1: name: the file is not a dump
END
head -n 500 out.jsonl >cut
silent 5 crm -C x.db load cut
said <<'END'
crm: load: the dump ends early
END
sed 's/Somebody 1000"/Somebody 1OOO"/' out.jsonl >changed
silent 5 crm -C x.db load changed
sed 's/"kind":"person"/"kind":"persona"/' out.jsonl >wrong
silent 4 crm -C x.db load wrong
said <<END
crm: load: line $(awk '/^{"customer"/ { print NR; exit }' out.jsonl): kind: it is no kind of customers
END
silent 4 crm -C x.db load .
silent 2 crm load
silent 2 crm load a b
silent 2 crm dump a b
silent 2 crm dump --force
silent 4 crm dump crm.db/dump --force
said <<'END'
crm: dump: the dump can't be in the database's own folder
END
silent 5 crm -C nowhere dump x
said <<'END'
crm: dump: there is no database at nowhere ('crm init' makes one, -C names another)
END
[ ! -e x.db ] || die "x.db is there"

# What goes out is in the journal, and not in itself.
crm dump --reason 'for the auditor' --actor li.na audit.jsonl >/dev/null
same "$(grep -c 'for the auditor' audit.jsonl)" 0
same "$(crm changes --json | grep -c '"reason":"for the auditor"')" 1
crm dump --no-journal | grep -q 'for the auditor'
