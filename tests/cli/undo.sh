# SPDX-License-Identifier: MIT
# undo: single changes and batches, rehearsed, refused, with what was changed since left alone; batches.
. "$CLI_TESTS/lib.sh"

doc()
{
    crm get "$1" --json | sed 's/,"created_at":"[^"]*","updated_at":"[^"]*"//'
}
crm create name=Ann phone=13800138000 city=Rome >/dev/null 2>&1
crm set 1 city=Bonn >/dev/null
want 0 crm undo 3 --dry-run <<'END'
dry run: 0 deleted, 1 restored, 0 events, 0 skipped
END
want 0 crm undo 3 --dry-run --json <<'END'
{"deleted":0,"restored":1,"events":0,"skipped":0,"batch":null,"dry_run":true}
END
want 0 crm undo 3 <<'END'
0 deleted, 1 restored, 0 events, 0 skipped; batch 4
END
want 0 doc 1 <<'END'
{"id":1,"kind":"person","revision":4,"name":"Ann","phone":["+8613800138000"],"city":"Rome","lifecycle":"lead","score":0,"vip":false,"identities":[]}
END
want 3 crm undo 3 <<'END'
customer 1 was changed since, at revision 4
END
said <<'END'
crm: undo: 1 customers were changed since
crm: undo: nothing was undone; --skip leaves these customers as they are
END
want 0 crm undo 4 --json <<'END'
{"deleted":0,"restored":1,"events":0,"skipped":0,"batch":5,"dry_run":false}
END
want 0 doc 1 <<'END'
{"id":1,"kind":"person","revision":5,"name":"Ann","phone":["+8613800138000"],"city":"Bonn","lifecycle":"lead","score":0,"vip":false,"identities":[]}
END

# a batch from JSON Lines: created, changed, and then one of them changed by somebody else
printf '{"name":"N%s","wechat":"w%s"}\n' 1 1 2 2 3 3 >new
printf '{"name":"Anna","phone":"13800138000"}\n{"name":"N4","phone":"13800138004"}\n' >more
want 0 crm create --file new --batch=fair-2026 <<'END'
3 created, 0 bad
END
said <<'END'
crm: create: batch 6 ('crm undo 6' takes it back)
END
want 0 crm create --file more --upsert --batch --json <<'END'
{"created":1,"updated":1,"unchanged":0,"bad":0,"last_line":2,"interrupted":false,"dry_run":false}
END
said <<'END'
{"batch":7}
END
crm set 3 city=Oslo >/dev/null
want 3 crm undo 6 <<'END'
customer 3 was changed since, at revision 8
END
said <<'END'
crm: undo: 1 customers were changed since
crm: undo: nothing was undone; --skip leaves these customers as they are
END
want 3 crm undo 6 --json <<'END'
{"customer":3,"changed_since":8}
END
said <<'END'
{"error":{"code":"CRM_ECONFLICT","verb":"undo","message":"1 customers were changed since"}}
{"note":"nothing was undone; --skip leaves these customers as they are"}
END
want 0 crm undo 6 --skip --dry-run <<'END'
customer 3 was changed since, at revision 8
dry run: 2 deleted, 0 restored, 0 events, 1 skipped
END
same "$(crm list --json | wc -l)" 5
want 0 crm undo 6 --skip <<'END'
customer 3 was changed since, at revision 8
2 deleted, 0 restored, 0 events, 1 skipped; batch 9
END
want 0 crm list --fields id,name,city <<'END'
ID  Name  City
 1  Anna  Bonn
 3  N2    Oslo
 5  N4
END
silent 3 crm undo 6 --skip
said <<'END'
crm: undo: batch 6 was undone by batch 9
END
want 0 crm undo 7 --json <<'END'
{"deleted":1,"restored":1,"events":0,"skipped":0,"batch":10,"dry_run":false}
END
want 0 crm list --fields id,name,city <<'END'
ID  Name  City
 1  Ann   Bonn
 3  N2    Oslo
END
want 0 crm undo 9 <<'END'
0 deleted, 2 restored, 0 events, 0 skipped; batch 11
END
want 0 crm list --fields id,name,city <<'END'
ID  Name  City
 1  Ann   Bonn
 2  N1
 3  N2    Oslo
 4  N3
END

# events
printf '{"kind":"visit","time":"2026-01-0%s"}\n' 1 2 3 >visits
want 0 crm event add 1 --file visits --batch <<'END'
3 added, 0 known already, 0 bad
END
said <<'END'
crm: event: batch 12 ('crm undo 12' takes it back)
END
want 0 crm undo 12 --dry-run <<'END'
dry run: 0 deleted, 0 restored, 3 events, 0 skipped
END
want 0 crm undo 12 <<'END'
0 deleted, 0 restored, 3 events, 0 skipped; batch 13
END
silent 0 crm timeline 1 --json
silent 1 crm undo 13
said <<'END'
crm: undo: can't read the events: not found
END
same "$(crm timeline 1 --json | wc -l)" 3

# other verbs in a batch
NOT REACHED crm set 1 city=Kiel --batch
NOT REACHED crm delete 1 3 --batch=gone
NOT REACHED crm undo 16
NOT REACHED crm delete 1 --batch --json
NOT REACHED crm undelete 1 --batch=back
NOT REACHED crm create name=Z --batch
NOT REACHED crm create name=Z --batch --dry-run
NOT REACHED crm create --file new --batch= --dry-run
NOT REACHED crm create --file new --batch --batch=x
NOT REACHED crm list --batch

# a batch of several transactions is one
awk 'BEGIN { for (i = 1; i <= 10050; i++) printf "{\"name\":\"M\",\"wechat\":\"m%d\"}\n", i }' >many
NOT REACHED crm create --file many --batch=many
NOT REACHED crm changes --after 21 --json --limit 1
same "$(crm changes --after 21 | wc -l)" 2
NOT REACHED crm undo 23
same "$(crm list --json | wc -l)" 4

# upsert in a batch tells changed from unchanged
printf '{"name":"%s","wechat":"u%s"}\n' A 1 B 2 >up
crm create --file up --upsert --batch >/dev/null 2>&1
sed 's/"A"/"AA"/' up >up2
NOT REACHED crm create --file up2 --upsert --batch --json

# what is wrong
NOT REACHED crm undo
NOT REACHED crm undo yesterday
NOT REACHED crm undo 0
NOT REACHED crm undo 3 4
NOT REACHED crm undo 999
NOT REACHED crm undo 999 --json
NOT REACHED crm undo 1
NOT REACHED crm undo 3 --dryrun
NOT REACHED crm -C nowhere undo 3
# a unique value was taken meanwhile
crm create name=U external@erp=1 >/dev/null
crm set 10060 external@erp=2 >/dev/null
crm create name=V external@erp=1 >/dev/null
