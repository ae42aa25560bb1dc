# SPDX-License-Identifier: MIT
# Where the database is: -C, $CRM_DB, ./crm.db; none, no right to make one, init, the second run.
. "$CLI_TESTS/lib.sh"

for verb in 'get 1' 'find 1' list stat check 'model show' 'model fields' 'delete 1' 'undelete 1' 'set 1 a=b'; do
    # shellcheck disable=SC2086
    silent 5 crm $verb
    said <<END
crm: ${verb%% *}: there is no database at ./crm.db ('crm init' makes one, -C names another)
END
done
silent 5 crm list --json -C none
said <<'END'
{"error":{"code":"CRM_ENOTFOUND","verb":"list","message":"there is no database at none ('crm init' makes one, -C names another)"}}
END
[ ! -e crm.db ]
silent 2 crm -C '' list
said <<'END'
crm: list: -C needs the name of a folder
Try 'crm list --help'.
END
silent 2 crm list --db=
silent 2 crm init ''

want 0 crm init <<'END'
made ./crm.db
END
said </dev/null
silent 3 crm init
said <<'END'
crm: init: ./crm.db is a database already
END
want 0 crm init shop.db --json <<'END'
{"made":"shop.db"}
END
want 0 crm -C shop.db create name=Ann <<'END'
1
END
CRM_DB=shop.db want 0 crm list --fields name <<'END'
Name
Ann
END
CRM_DB=shop.db want 0 crm list --db=crm.db --fields name <<'END'
Name
END
want 0 crm list -Cshop.db --fields name <<'END'
Name
Ann
END
want 0 crm create name=Bob -C new.db --json <<'END'
{"id":1,"created":true,"changed":true,"dry_run":false}
END
said <<'END'
{"note":"made new.db"}
END

: >file
silent 5 crm -C file/x create name=a
silent 5 crm -C missing/x create name=a
silent 5 crm -C /proc/x.db create name=a
silent 5 crm -C file list
if [ "$(id -u)" -ne 0 ]; then
    mkdir locked
    chmod 500 locked
    silent 5 crm -C locked/x create name=a
fi

# who acts
want 0 crm create name=Eve -C shop.db --actor "$(printf '%0100d' 1)" <<'END'
2
END
silent 4 crm create name=Eve -C shop.db --actor "$(printf '%0101d' 1)"
CRM_ACTOR=$(printf '%0101d' 1) silent 4 crm create name=Eve -C shop.db
silent 4 crm create name=Eve -C shop.db --zone Nowhere/Else
