# SPDX-License-Identifier: MIT
# The first write makes the database; one that fails leaves nothing, and nothing of others is touched.
. "$CLI_TESTS/lib.sh"

# holds FOLDER NAME...: what is in a folder, but for what the test itself needs
holds()
{
    holds_in=$1
    shift
    same "$(ls -A "$holds_in" | grep -v -x -e .w -e input | tr '\n' ' ')" "${*:+$* }"
}

silent 4 crm create email=nobody
said <<'END'
crm: create: email: has no "@", expected an e-mail address such as name@example.com
crm: create: name: is required
END
holds .
silent 2 crm create nonsense
silent 4 crm create name=x --zone Nowhere/Town
holds .
silent 5 crm create name=x -C a/b/c
said <<'END'
crm: create: can't make a database at a/b/c: No such file or directory
END
printf '{"name":\n{"nme":"x"}\n' >input
want 1 sh -c '"$CRM" create --file - <input' <<'END'
standard input: JSON Lines, UTF-8
2 rows: 0 created, 0 updated, 0 unchanged, 2 bad
END
holds .
printf '{"name":"good"}\n{"nme":"x"}\n' >input
want 1 sh -c '"$CRM" create --file - --atomic <input' <<'END'
standard input: JSON Lines, UTF-8
2 rows: 1 created, 0 updated, 0 unchanged, 1 bad
END
holds .
printf 'crm: 1\n' >input
crm model apply input >/dev/null 2>&1 && die "a faulty model is taken"
holds .

# the good lines of a file make it, and its bad lines are told once
printf '{"name":"x","nme":"x"}\n{"name":"good"}\n' >input
want 1 sh -c '"$CRM" create --file - -C some <input' <<'END'
standard input: JSON Lines, UTF-8
2 rows: 1 created, 0 updated, 0 unchanged, 1 bad
END
said <<'END'
crm: create: standard input:1: nme: "nme" is no field of the model; did you mean "name"?
crm: create: made some
crm: create: batch 2 ('crm undo 2' takes it back)
crm: create: the bad rows were not kept: --errors FILE keeps them
END
holds . some
want 0 crm list --fields id,name -C some <<'END'
ID  Name
 1  good
END
rm -rf some

# a folder of somebody else's stays as it is, and what is in it
mkdir shop
echo mine >shop/notes
silent 4 crm create email=nobody -C shop
holds shop notes
want 1 crm create --file input -C shop/ <<'END'
input: JSON Lines, UTF-8
2 rows: 1 created, 0 updated, 0 unchanged, 1 bad
END
said <<'END'
crm: create: made shop/
crm: create: input:1: nme: "nme" is no field of the model; did you mean "name"?
crm: create: batch 2 ('crm undo 2' takes it back)
crm: create: the bad rows are in input.errors.jsonl: put them right there and import that file
END
rm input.errors.jsonl
same "$(cat shop/notes)" mine
want 0 crm create name=next -C shop <<'END'
2
END
crm check -C shop >/dev/null || die "the database in a folder of others has faults"
holds . shop
rm -rf shop
mkdir shop
want 0 crm create name=first -C shop --json <<'END'
{"id":1,"created":true,"changed":true,"dry_run":false}
END
rm -rf shop
mkdir shop
printf '{"name":"one"}\n{"name":"two"}\n' >input
want 0 crm create --file input --atomic -C shop <<'END'
input: JSON Lines, UTF-8
2 rows: 2 created, 0 updated, 0 unchanged, 0 bad
END
rm -rf shop

# of many first writes at once, none is lost
pids=
for i in 1 2 3 4 5 6; do
    crm create name="n$i" -C race >"$W/out$i" 2>"$W/err$i" &
    pids="$pids $!"
done
for pid in $pids; do
    wait "$pid" || die "a first write was lost"
done
same "$(cat "$W"/out? | sort | tr '\n' ' ')" '1 2 3 4 5 6 '
same "$(cat "$W"/err? | grep -c 'made race')" 1
same "$(crm list -C race --json | wc -l)" 6
holds . race

# init is of the verbs that write
want 0 crm init made.db --actor zoe --source web-form --zone Asia/Shanghai <<'END'
made made.db
END
crm changes -C made.db --json | grep -q '"action":"model","version":1,"actor":"zoe"}$' || die "the first entry has no actor"
