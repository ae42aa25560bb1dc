# SPDX-License-Identifier: MIT
# undo: single changes and batches, rehearsed, refused, with what was changed since left alone; batches.
. "$CLI_TESTS/lib.sh"

doc()
{
    crm get "$1" --json | sed 's/,"created_at":"[^"]*","updated_at":"[^"]*"//; s/,"tags":\[\]}$/}/'
}
crm create name=Ann phone=13800138000 city=Rome >/dev/null 2>&1
crm set 1 city=Bonn >/dev/null
want 0 crm undo 3 --dry-run <<'END'
dry run: 0 deleted, 1 put back, 0 events, 0 skipped
END
want 0 crm undo 3 --dry-run --json <<'END'
{"deleted":0,"restored":1,"events":0,"tags":0,"skipped":0,"batch":null,"dry_run":true}
END
want 0 crm undo 3 <<'END'
0 deleted, 1 put back, 0 events, 0 skipped; batch 4
END
want 0 doc 1 <<'END'
{"id":1,"kind":"person","revision":4,"name":"Ann","phone":["+8613800138000"],"city":"Rome","lifecycle":"lead","score":0,"vip":false,"identities":[]}
END
silent 3 crm undo 3
said <<'END'
crm: undo: change 3 was undone already by 4
END
want 0 crm undo 4 --json <<'END'
{"deleted":0,"restored":1,"events":0,"tags":0,"skipped":0,"batch":5,"dry_run":false}
END
want 0 doc 1 <<'END'
{"id":1,"kind":"person","revision":5,"name":"Ann","phone":["+8613800138000"],"city":"Bonn","lifecycle":"lead","score":0,"vip":false,"identities":[]}
END

# a batch from JSON Lines: created, changed, and then one of them changed by somebody else
printf '{"name":"N%s","wechat":"w%s"}\n' 1 1 2 2 3 3 >new
printf '{"name":"Anna","phone":"13800138000"}\n{"name":"N4","phone":"13800138004"}\n' >more
want 0 crm create --file new --batch=fair-2026 <<'END'
new: JSON Lines, UTF-8
3 rows: 3 created, 0 updated, 0 unchanged, 0 bad
END
said <<'END'
crm: create: batch 6 ('crm undo 6' takes it back)
END
want 0 crm create --file more --upsert --batch <<'END'
more: JSON Lines, UTF-8
2 rows: 1 created, 1 updated, 0 unchanged, 0 bad
END
said <<'END'
crm: create: batch 7 ('crm undo 7' takes it back)
END
crm set 3 city=Oslo >/dev/null
want 3 crm undo 6 <<'END'
customer 3 was changed since, at revision 8
END
said <<'END'
crm: undo: 1 customer was changed since: nothing was undone (--skip undoes the rest)
END
want 3 crm undo 6 --json <<'END'
{"customer":3,"changed_since":8}
END
said <<'END'
{"error":{"code":"CRM_ECONFLICT","verb":"undo","message":"1 customer was changed since: nothing was undone (--skip undoes the rest)"}}
END
want 0 crm undo 6 --skip --dry-run <<'END'
customer 3 was changed since, at revision 8
dry run: 2 deleted, 0 put back, 0 events, 1 skipped
END
same "$(crm list --json | wc -l)" 5
want 0 crm undo 6 --skip <<'END'
customer 3 was changed since, at revision 8
2 deleted, 0 put back, 0 events, 1 skipped; batch 9
END
want 0 crm list --fields id,name,city <<'END'
ID  Name  City
 1  Anna  Bonn
 3  N2    Oslo
 5  N4
END
silent 3 crm undo 6 --skip
said <<'END'
crm: undo: batch 6 was undone by batch 9; undo batch 9 to have it back
END
want 0 crm undo 7 --json <<'END'
{"deleted":1,"restored":1,"events":0,"tags":0,"skipped":0,"batch":10,"dry_run":false}
END
want 0 crm list --fields id,name,city <<'END'
ID  Name  City
 1  Ann   Bonn
 3  N2    Oslo
END
want 0 crm undo 9 <<'END'
0 deleted, 2 put back, 0 events, 0 skipped; batch 11
END
silent 3 crm undo 6 --skip
said <<'END'
crm: undo: batch 6 was undone by batch 9 and is back by batch 11; undo batch 11 to undo it again
END
want 0 crm undo 11 --dry-run <<'END'
dry run: 0 deleted, 2 put back, 0 events, 0 skipped
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
visits: JSON Lines, UTF-8
3 rows: 3 added, 0 known already, 0 bad
END
said <<'END'
crm: event: batch 12 ('crm undo 12' takes it back)
END
want 0 crm undo 12 --dry-run <<'END'
dry run: 0 deleted, 0 put back, 3 events, 0 skipped
END
want 0 crm undo 12 <<'END'
0 deleted, 0 put back, 3 events, 0 skipped; batch 13
END
silent 0 crm timeline 1 --json
want 0 crm undo 13 <<'END'
0 deleted, 0 put back, 3 events, 0 skipped; batch 14
END
same "$(crm timeline 1 --json | wc -l)" 3

# other verbs in a batch
want 0 crm set 1 city=Kiel --batch <<'END'
revision 15
END
said <<'END'
crm: set: batch 15 ('crm undo 15' takes it back)
END
want 0 crm delete 1 3 --batch=gone <<'END'
deleted 1
deleted 3
END
said <<'END'
crm: delete: batch 16 ('crm undo 16' takes it back)
END
want 0 crm undo 16 <<'END'
0 deleted, 2 put back, 0 events, 0 skipped; batch 17
END
want 0 crm delete 1 --batch --json <<'END'
{"id":1,"deleted":true,"revision":18}
END
said <<'END'
{"batch":18}
END
want 0 crm undelete 1 --batch=back <<'END'
undeleted 1
END
said <<'END'
crm: undelete: batch 19 ('crm undo 19' takes it back)
END
want 0 crm create name=Z --batch <<'END'
6
END
said <<'END'
crm: create: batch 20 ('crm undo 20' takes it back)
END
want 0 crm create name=Z --batch --dry-run <<'END'
dry run: would create customer 7
END
silent 2 crm create --file new --batch= --dry-run
said <<'END'
crm: create: --batch= needs a name
Try 'crm create --help'.
END
silent 2 crm create --file new --batch --batch=x
said <<'END'
crm: create: --batch is given twice
Try 'crm create --help'.
END
silent 2 crm list --batch
said <<'END'
crm: list: no such option: --batch
Try 'crm list --help'.
END

# a batch of several transactions is one
awk 'BEGIN { for (i = 1; i <= 10050; i++) printf "{\"name\":\"M\",\"wechat\":\"m%d\"}\n", i }' >many
want 0 crm import many --policy create --commit-rows 10000 <<'END'
many: JSON Lines, UTF-8
10,050 rows: 10,050 created, 0 updated, 0 unchanged, 0 bad
END
said <<'END'
crm: import: batch 21 ('crm undo 21' takes it back)
END
want 0 sh -c '"$CRM" changes --after 20 | sed "s/ .*  li/ li/; s/^\([0-9]*\) .* batch/\1 batch/"' <<'END'
21 batch 21: 10,000 created
22 batch 21: 50 created
END
want 0 crm undo 22 <<'END'
10,050 deleted, 0 put back, 0 events, 0 skipped; batch 23
END
same "$(crm list --json | wc -l)" 5

# upsert in a batch tells changed from unchanged
printf '{"name":"%s","wechat":"u%s"}\n' A 1 B 2 >up
crm create --file up --upsert --batch >/dev/null 2>&1
sed 's/"A"/"AA"/' up >up2
want 0 crm create --file up2 --upsert --batch <<'END'
up2: JSON Lines, UTF-8
2 rows: 0 created, 1 updated, 1 unchanged, 0 bad
END
said <<'END'
crm: create: batch 25 ('crm undo 25' takes it back)
END

# a unique value was taken meanwhile
crm create name=U external@erp=1 >/dev/null
crm set external@erp=1 external@erp=2 >/dev/null
crm create name=V external@erp=1 >/dev/null
silent 3 crm undo 27
said <<'END'
crm: undo: external: is unique, and customer 10060 has this value
END

# what is wrong
silent 2 crm undo
said <<'END'
crm: undo: needs one revision
Try 'crm undo --help'.
END
silent 2 crm undo yesterday
said <<'END'
crm: undo: needs one revision, not yesterday
Try 'crm undo --help'.
END
silent 2 crm undo 0
said <<'END'
crm: undo: needs one revision, not 0
Try 'crm undo --help'.
END
silent 2 crm undo 3 4
said <<'END'
crm: undo: needs one revision
Try 'crm undo --help'.
END
silent 1 crm undo 999
said <<'END'
crm: undo: there is no revision 999
END
silent 1 crm undo 999 --json
said <<'END'
{"error":{"code":"CRM_ENOTFOUND","verb":"undo","message":"there is no revision 999"}}
END
silent 3 crm undo 1
said <<'END'
crm: undo: revision 1 is no change of customers
END
silent 2 crm undo 3 --dryrun
said <<'END'
crm: undo: no such option: --dryrun; did you mean "--dry-run"?
Try 'crm undo --help'.
END
silent 5 crm -C nowhere undo 3
said <<'END'
crm: undo: there is no database at nowhere ('crm init' makes one, -C names another)
END
