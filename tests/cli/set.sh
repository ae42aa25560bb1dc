# SPDX-License-Identifier: MIT
# set, delete, undelete: changes, removal, lists, expected revisions, conflicts.
. "$CLI_TESTS/lib.sh"

crm create name=Ann phone=13800138000 city=Rome external@erp=1 external@shop=2 2>/dev/null >&2
crm create name=Bob phone=13900139000 phone+=13800138000 >/dev/null
doc()
{
    crm get "$1" --json | sed 's/,"created_at":"[^"]*","updated_at":"[^"]*"//; s/,"tags":\[\]}$/}/'
}

want 0 crm set 1 score=500 城市=上海 <<'END'
revision 4
END
want 0 crm set 1 score=500 城市=上海 <<'END'
revision 4, nothing to change
END
want 0 crm set 1 score=501 --json <<'END'
{"id":1,"revision":5,"changed":true,"dry_run":false}
END
want 0 crm set 1 phone+='136 0013 6000' phone-=13800138000 city= <<'END'
revision 6
END
want 0 doc 1 <<'END'
{"id":1,"kind":"person","revision":6,"name":"Ann","phone":["+8613600136000"],"lifecycle":"lead","score":501,"vip":false,"identities":[{"kind":"external","source":"erp","value":"1"},{"kind":"external","source":"shop","value":"2"}]}
END
want 0 crm set 1 phone=13700137000 phone+=13500135000 wechat=ann <<'END'
revision 7
END
want 0 crm set 1 external@erp=10 <<'END'
revision 8
END
want 0 doc 1 <<'END'
{"id":1,"kind":"person","revision":8,"name":"Ann","phone":["+8613700137000","+8613500135000"],"lifecycle":"lead","score":501,"vip":false,"identities":[{"kind":"external","source":"shop","value":"2"},{"kind":"external","source":"erp","value":"10"},{"kind":"wechat","value":"ann"}]}
END
want 0 crm set 1 external@erp= external@crm+=9 wechat= <<'END'
revision 9
END
want 0 doc 1 <<'END'
{"id":1,"kind":"person","revision":9,"name":"Ann","phone":["+8613700137000","+8613500135000"],"lifecycle":"lead","score":501,"vip":false,"identities":[{"kind":"external","source":"shop","value":"2"},{"kind":"external","source":"crm","value":"9"}]}
END
want 0 crm set 1 external@shop-=2 external@crm= <<'END'
revision 10
END
want 0 doc 1 <<'END'
{"id":1,"kind":"person","revision":10,"name":"Ann","phone":["+8613700137000","+8613500135000"],"lifecycle":"lead","score":501,"vip":false,"identities":[]}
END

# by an identity; several are refused
want 0 crm set phone=13900139000 name=Bobby --dry-run <<'END'
dry run: revision 11
END
want 0 crm set +8613900139000 name=Bobby --dry-run --json <<'END'
{"id":2,"revision":11,"changed":true,"dry_run":true}
END
want 0 crm set +8613900139000 name=Bobby <<'END'
revision 11
END
crm set 1 phone+=13900139000 >/dev/null
silent 3 crm set phone=13900139000 name=x
said <<'END'
crm: set: 2 customers have phone=13900139000: give one of the ids 1, 2
END
silent 3 crm set phone=13900139000 name=x --json
said <<'END'
{"error":{"code":"CRM_EAMBIGUOUS","verb":"set","message":"2 customers have phone=13900139000: give one of the ids 1, 2"}}
END

# somebody else was faster
silent 3 crm set 2 name=x --expect 3
said <<'END'
crm: set: customer 2 is at revision 11, not 3
END
silent 3 crm set 2 name=x --expect 3 --json
said <<'END'
{"error":{"code":"CRM_ECONFLICT","verb":"set","row":11,"message":"customer 2 is at revision 11, not 3"}}
END
want 0 crm set 2 name=Bob --expect 11 <<'END'
revision 13
END

# nothing happens when anything is wrong
silent 4 crm set 2 name=y score=9999
said <<'END'
crm: set: score: is above 1000
END
silent 4 crm set 2 name=
silent 4 crm set 2 name=y nmae=z
silent 4 crm set 2 name+=y
silent 1 crm set 77 name=x
said <<'END'
crm: set: there is no customer 77
END
silent 1 crm set nobody@example.com name=x
silent 2 crm set 2
silent 2 crm set
silent 2 crm set 2 name=x --expect 0
silent 2 crm set 2 name=x --expect yesterday
silent 2 crm set 2 name=x name=y
silent 2 crm set 2 city= city+=x
silent 2 crm set 2 phone=1 phone-=2
silent 2 crm set 2 revision=5
crm get 2 --json | grep -q '"revision":13'

# delete and undelete
silent 3 crm delete 2 --expect 3
said <<'END'
crm: delete: customer 2 is at revision 13, not 3
END
want 1 crm delete 1 77 2 <<'END'
deleted 1
deleted 2
END
said <<'END'
crm: delete: there is no customer 77
END
silent 1 crm delete 1
said <<'END'
crm: delete: customer 1 is deleted
END
silent 1 crm set 1 name=x
said <<'END'
crm: set: customer 1 is deleted
END
silent 1 crm find phone=13800138000
crm get 1 | grep -q '^Deleted *yes$'
crm get 1 --lang zh | grep -q '^已删除 *是$'
want 0 crm list --fields name <<'END'
Name
END
want 0 crm list --deleted --fields id,name,deleted <<'END'
ID  Name  Deleted
 1  Ann   yes
 2  Bob   yes
END
want 0 crm undelete 1 --json <<'END'
{"id":1,"deleted":false,"revision":16}
END
silent 3 crm undelete 1
silent 1 crm undelete 77
want 0 crm undelete 2 --expect 15 <<'END'
undeleted 2
END
want 0 crm delete phone=13500135000 --json <<'END'
{"id":1,"deleted":true,"revision":18}
END
silent 2 crm delete
silent 2 crm delete 1 2 --expect 5
silent 2 crm undelete

crm -C other.db create name=Ann >/dev/null 2>&1
silent 4 crm -C other.db set 1 kind=
said <<'END'
crm: set: kind: needs person or organisation
END
silent 4 crm -C other.db set 1 external+=7
said <<'END'
crm: set: external: needs its source: write external@SOURCE+=7
END
