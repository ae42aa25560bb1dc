# SPDX-License-Identifier: MIT
# backup, restore, compact.
. "$CLI_TESTS/lib.sh"

awk 'BEGIN { for (i = 1; i <= 2000; i++)
    printf "{\"name\":\"Somebody %d\",\"phone\":\"139%08d\"}\n", i, i }' |
    "$CRM" create --file - >/dev/null 2>&1

# sizes differ with the page size of the machine
sized()
{
    sized_code=0
    "$@" >"$W/sized" || sized_code=$?
    sed -E 's/[0-9.]+ [KM]iB/SIZE/g; s/bytes":[0-9]+/bytes":N/g; s/[0-9,]+ rows/N rows/; s/"rows":[0-9]+/"rows":N/' \
        "$W/sized"
    return $sized_code
}

want 0 sized crm backup monday.crm <<'END'
monday.crm: N rows, revision 3, SIZE from SIZE
END
silent 2 crm backup -
sed 1q "$W/err" >"$W/first"
same "$(cat "$W/first")" "crm: backup: a backup is read back before it is one, and so needs a file: 'dump' writes to standard output (./- is a file of that name)"
[ ! -e ./- ] || die "a file '-'"
silent 3 crm backup monday.crm
said <<'END'
crm: backup: there is a file monday.crm already (--force replaces it)
END
silent 3 crm backup --json monday.crm
said <<'END'
{"error":{"code":"CRM_EEXISTS","verb":"backup","message":"there is a file monday.crm already (--force replaces it)"}}
END
want 0 sized crm backup --gzip --force --no-journal --json monday.crm <<'END'
{"file":"monday.crm","rows":N,"revision":3,"source_bytes":N,"bytes":N}
END
want 0 sized crm backup --no-journal plain.crm <<'END'
plain.crm: N rows, revision 3, SIZE from SIZE
END
if command -v gzip >/dev/null; then
    gzip -dc <monday.crm | cmp - plain.crm
fi

want 0 sized crm restore monday.crm again.db <<'END'
again.db: N rows, revision 3, SIZE from SIZE
END
want 0 sized crm --json restore plain.crm 门店.db <<'END'
{"path":"门店.db","rows":N,"revision":3,"source_bytes":N,"bytes":N}
END
same "$(crm head)" "$(crm -C again.db head)"
crm list --json --limit 500 >a
crm -C 门店.db list --json --limit 500 | cmp - a
crm -C again.db check >checked
grep -q '^0 faults in ' checked
silent 3 crm restore monday.crm again.db
said <<'END'
crm: restore: there is a database at again.db already
END
silent 5 crm restore nothing.crm x.db
said <<'END'
crm: restore: there is no file nothing.crm
END
silent 5 crm restore a x.db
said <<'END'
crm: restore: the file is not a backup, or its head is damaged
END

# a file that unpacks to more than its head says
if command -v gzip >/dev/null; then
    { head -c 65536 plain.crm; head -c 50000000 /dev/zero; } | gzip >bomb
    silent 5 crm restore bomb x.db
    said <<'END'
crm: restore: the backup goes on behind its last page
END
    head -c 50000000 /dev/zero | gzip >bomb
    silent 5 crm restore bomb x.db
fi
head -c 20000 monday.crm >cut
silent 5 crm restore cut x.db
said <<'END'
crm: restore: the compressed file ends early
END
silent 4 crm restore . x.db
same "$(ls)" "$(printf '%s\n' a again.db $(ls bomb 2>/dev/null) checked crm.db cut monday.crm plain.crm 门店.db)"

want 0 sized crm compact <<'END'
./crm.db: N rows, revision 3, SIZE from SIZE
END
same "$(crm head)" "$(crm -C again.db head)"
want 0 sized crm compact --json <<'END'
{"path":"./crm.db","rows":N,"revision":3,"source_bytes":N,"bytes":N}
END
crm check >/dev/null

# somebody has it open
mkfifo hold
"$CRM" changes --follow >hold 2>/dev/null & # not the function, whose shell would be what is ended
pid=$!
exec 3<hold
read -r line <&3
silent 5 crm compact
said <<'END'
crm: compact: somebody has the database open
END
want 0 sized crm backup meanwhile.crm <<'END'
meanwhile.crm: N rows, revision 4, SIZE from SIZE
END
kill "$pid"
exec 3<&-
wait "$pid" || true
crm compact >/dev/null

silent 5 crm -C nowhere compact
said <<'END'
crm: compact: there is no database at nowhere ('crm init' makes one, -C names another)
END
silent 5 crm -C nowhere backup x
said <<'END'
crm: backup: there is no database at nowhere ('crm init' makes one, -C names another)
END
silent 4 crm backup crm.db/data.mdb --force
said <<'END'
crm: backup: the backup can't be in the database's own folder
END
silent 2 crm backup
silent 2 crm backup a b
silent 2 crm restore monday.crm
silent 2 crm compact now
crm check >/dev/null
