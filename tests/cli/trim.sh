# SPDX-License-Identifier: MIT
# trim: rehearsed, done, done again; what is left of history and undo.
. "$CLI_TESTS/lib.sh"

crm init --actor li.na >/dev/null
crm create name=Ann city=Rome --actor li.na >/dev/null
crm set 1 city=Bonn --actor li.na >/dev/null
crm set 1 city=Kiel --actor li.na >/dev/null
crm head >heads
want 0 timeless crm trim --keep 0 --dry-run <<'END'
dry run: 2 images dropped, of changes before TIME
END
want 0 timeless crm trim --keep 0 --dry-run --json <<'END'
{"dropped":2,"before":"TIME","revision":null,"dry_run":true}
END
# nothing is that old
want 0 crm trim --before 2001-02-03 --json <<'END'
{"dropped":0,"before":"2001-02-03T00:00:00Z","revision":null,"dry_run":false}
END
want 0 crm trim --before 2001-02-03T08:00+08:00 <<'END'
0 images dropped, of changes before 2001-02-03T00:00:00Z
END
want 0 timeless crm trim --keep 1 <<'END'
0 images dropped, of changes before TIME
END
want 0 crm undo 4 --dry-run <<'END'
dry run: 0 deleted, 1 put back, 0 events, 0 skipped
END
same "$(crm head)" "$(cat heads)"

want 0 timeless crm trim --keep 0 --actor li.na <<'END'
2 images dropped, of changes before TIME; revision 5
END
want 0 timeless crm changes --after 4 <<'END'
5  TIME  li.na  trim images before 5
END
silent 3 crm undo 4
said <<'END'
crm: undo: what revision 4 replaced was dropped
END
silent 1 crm get 1 --at 3
said <<'END'
crm: get: what revision 4 replaced of customer 1 was dropped
END
# the entries stay, to the first
want 0 timeless crm history 1 --json <<'END'
{"revision":4,"recorded_at":"TIME","action":"update","customer":1,"actor":"li.na","fields":{"city":{"after":"Kiel"}},"dropped":true}
{"revision":3,"recorded_at":"TIME","action":"update","customer":1,"actor":"li.na","fields":{"city":{}},"dropped":true}
{"revision":2,"recorded_at":"TIME","action":"create","customer":1,"actor":"li.na","fields":{"name":{},"city":{},"lifecycle":{},"score":{},"vip":{}},"dropped":true}
END
want 0 crm verify --anchor heads <<'END'
5 entries verified, 1 kept head found
END
# once more: there is nothing left
want 0 timeless crm trim --keep 0 --json <<'END'
{"dropped":0,"before":"TIME","revision":null,"dry_run":false}
END

for line in '' '--before 2026-01-01 --keep 3' '--before soon' '--keep soon' '--keep 1000001' '--keep 1 now'; do
    silent 2 crm trim $line
done
said <<'END'
crm: trim: takes no argument; the time comes with --before or --keep
Try 'crm trim --help'.
END
silent 5 crm -C nowhere trim --keep 1
said <<'END'
crm: trim: there is no database at nowhere ('crm init' makes one, -C names another)
END
