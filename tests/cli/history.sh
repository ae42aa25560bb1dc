# SPDX-License-Identifier: MIT
# history: what was changed, by whom; lists, removed and deleted things; get --at.
. "$CLI_TESTS/lib.sh"

# Without the widths of columns, which go by the times.
tight()
{
    timeless "$@" | sed 's/  */ /g'
}

crm create name=Ann phone=13800138000 city=Rome --actor li.na >/dev/null 2>&1
crm set 1 city=上海 score=500 --actor 张伟 >/dev/null
crm set 1 phone+=13700137000 city= --actor li.na >/dev/null
crm set 1 vip=yes --batch=spring --actor li.na >/dev/null 2>&1
crm delete 1 --actor wang >/dev/null
want 0 tight crm history 1 <<'END'
Revision Recorded Actor Action Change
 6 TIME wang delete
 5 TIME li.na update (batch 5) VIP: false -> true
 4 TIME li.na update Phone: +8613800138000 -> +8613800138000, +8613700137000
 City: 上海 -> -
 3 TIME 张伟 update City: Rome -> 上海
 Score: 0 -> 500
 2 TIME li.na create Kind: Person
 Name: Ann
 Phone: +8613800138000
 City: Rome
 Lifecycle: Lead
 Score: 0
 VIP: false
END
want 0 tight crm history 1 --lang zh --limit 2 <<'END'
修订号 记录时间 操作人 操作 变更
 6 TIME wang delete
 5 TIME li.na update (batch 5) 贵宾: false -> true
END
want 0 timeless crm history 1 --json <<'END'
{"revision":6,"recorded_at":"TIME","action":"delete","customer":1,"actor":"wang","fields":{}}
{"revision":5,"recorded_at":"TIME","action":"update","customer":1,"batch":5,"actor":"li.na","fields":{"vip":{"before":false,"after":true}}}
{"revision":4,"recorded_at":"TIME","action":"update","customer":1,"actor":"li.na","fields":{"phone":{"before":["+8613800138000"],"after":["+8613800138000","+8613700137000"]},"city":{"before":"上海","after":null}}}
{"revision":3,"recorded_at":"TIME","action":"update","customer":1,"actor":"张伟","fields":{"city":{"before":"Rome","after":"上海"},"score":{"before":0,"after":500}}}
{"revision":2,"recorded_at":"TIME","action":"create","customer":1,"actor":"li.na","kind":{"after":"person"},"fields":{"name":{"after":"Ann"},"phone":{"after":["+8613800138000"]},"city":{"after":"Rome"},"lifecycle":{"after":"lead"},"score":{"after":0},"vip":{"after":false}}}
END
want 0 sh -c '"$CRM" history 1 --width 60 --limit 4 | sed "s/20[-0-9T]*…/TIMETIMETIME…/"' <<'END'
Revision  Recorded       Actor  Action         Change
       6  TIMETIMETIME…  wang   delete
       5  TIMETIMETIME…  li.na  update (batc…  VIP: false -…
       4  TIMETIMETIME…  li.na  update         Phone: +8613…
                                               City: 上海 -…
       3  TIMETIMETIME…  张伟   update         City: Rome -…
                                               Score: 0 -> …
END
crm undelete 1 --actor li.na >/dev/null
want 0 timeless crm history phone=13700137000 --limit 1 --json <<'END'
{"revision":7,"recorded_at":"TIME","action":"undelete","customer":1,"actor":"li.na","fields":{}}
END
crm undo 4 --skip >/dev/null
printf '{"name":"Bob"}\n' | "$CRM" create --file - --batch --actor li.na >/dev/null 2>&1
crm undo 8 --actor wang >/dev/null
want 0 tight crm history 2 <<'END'
Revision Recorded Actor Action Change
 9 TIME wang undo 8 (batch 9)
 8 TIME li.na create (batch 8) Kind: Person
 Name: Bob
 Lifecycle: Lead
 Score: 0
 VIP: false
END
want 0 tight crm get 2 --at 8 <<'END'
ID 2
Kind Person
Name Bob
Lifecycle Lead
Score 0
VIP false
Revision 8
Created TIME
Updated TIME
END

# the kind is no field, and told beside them
crm create name=Acme --actor li.na >/dev/null
crm set 3 kind=organisation --actor li.na >/dev/null
want 0 tight crm history 3 --limit 1 <<'END'
Revision Recorded Actor Action Change
 11 TIME li.na update Kind: Person -> Organisation
END
want 0 timeless crm history 3 --limit 1 --json <<'END'
{"revision":11,"recorded_at":"TIME","action":"update","customer":3,"actor":"li.na","kind":{"before":"person","after":"organisation"},"fields":{}}
END

# a field that the model no longer has
cat >more.yaml <<'END'
crm: 1
fields:
  name: {type: text}
  shoe_size: {type: integer, label: {en: Shoe size}}
END
sed '/shoe_size/d' more.yaml >less.yaml
crm -C shoes.db init --model more.yaml >/dev/null
crm -C shoes.db create name=Cy shoe_size=43 --actor li.na >/dev/null
crm -C shoes.db set 1 shoe_size=44 --actor li.na >/dev/null
crm -C shoes.db model apply less.yaml --force >/dev/null
want 0 tight crm -C shoes.db history 1 <<'END'
Revision Recorded Actor Action Change
 3 TIME li.na update shoe_size: 43 -> 44
 2 TIME li.na create Kind: person
 name: Cy
 shoe_size: 43
END
want 0 timeless crm -C shoes.db history 1 --limit 1 --json <<'END'
{"revision":3,"recorded_at":"TIME","action":"update","customer":1,"actor":"li.na","fields":{"shoe_size":{"before":43,"after":44}}}
END

# as it was
at()
{
    crm get 1 --json "$@" | sed 's/,"created_at":"[^"]*","updated_at":"[^"]*"//; s/,"tags":\[\]}$/}/'
}
want 0 at --at 2 <<'END'
{"id":1,"kind":"person","revision":2,"name":"Ann","phone":["+8613800138000"],"city":"Rome","lifecycle":"lead","score":0,"vip":false,"identities":[]}
END
want 0 at --at 3 <<'END'
{"id":1,"kind":"person","revision":3,"name":"Ann","phone":["+8613800138000"],"city":"上海","lifecycle":"lead","score":500,"vip":false,"identities":[]}
END
want 0 at --at 4 <<'END'
{"id":1,"kind":"person","revision":4,"name":"Ann","phone":["+8613800138000","+8613700137000"],"lifecycle":"lead","score":500,"vip":false,"identities":[]}
END
want 0 at --at 6 <<'END'
{"id":1,"kind":"person","revision":6,"deleted":true,"name":"Ann","phone":["+8613800138000","+8613700137000"],"lifecycle":"lead","score":500,"vip":true,"identities":[]}
END
last=$(crm head | sed 's/ .*//')
same "$(at --at "$last")" "$(at)"
silent 1 crm get 1 --at $((last + 1))
said <<END
crm: get: there is no revision $((last + 1))
END
silent 1 crm get 1 2 --at 999999
said <<'END'
crm: get: there is no revision 999999
END
want 0 tight crm get 1 --at 2 --origins <<'END'
ID 1
Kind Person
Name Ann TIME
Phone +8613800138000 TIME
City Rome TIME
Lifecycle Lead TIME
Score 0 TIME
VIP false TIME
Revision 2
Created TIME
Updated TIME
END
silent 1 crm get 1 --at 1
said <<'END'
crm: get: customer 1 was created at revision 2
END
silent 1 crm get 77 --at 5
said <<'END'
crm: get: there is no customer 77
END
silent 2 crm get 1 --at 0
said <<'END'
crm: get: --at needs a revision, not '0'
Try 'crm get --help'.
END
silent 2 crm get 1 --at 2026-01-01
said <<'END'
crm: get: --at needs a revision, not '2026-01-01'
Try 'crm get --help'.
END

# what is wrong
silent 2 crm history
said <<'END'
crm: history: needs one customer
Try 'crm history --help'.
END
silent 2 crm history 1 2
said <<'END'
crm: history: needs one customer
Try 'crm history --help'.
END
silent 1 crm history 77
said <<'END'
crm: history: there is no customer 77
END
silent 1 crm history 77 --json
said <<'END'
{"error":{"code":"CRM_ENOTFOUND","verb":"history","message":"there is no customer 77"}}
END
silent 1 crm history nobody@example.com
said <<'END'
crm: history: no customer has nobody@example.com (searched: phone, email, wechat, wecom, qq, tax_id)
END
silent 2 crm history 1 --limit 0
said <<'END'
crm: history: --limit needs a number from 1
Try 'crm history --help'.
END
silent 2 crm history 1 --limt 1
said <<'END'
crm: history: no such option: --limt; did you mean "--limit"?
Try 'crm history --help'.
END
silent 5 crm -C nowhere history 1
said <<'END'
crm: history: there is no database at nowhere ('crm init' makes one, -C names another)
END

# the labels of values in tables, keys in JSON; what an undo took back
crm -C labels create name=Ann lifecycle=lead --actor li.na >/dev/null 2>&1
crm -C labels set 1 lifecycle=活跃 --actor li.na >/dev/null
crm -C labels undo 3 --actor wang >/dev/null
want 0 tight crm -C labels history 1 --lang zh --limit 2 <<'END'
修订号 记录时间 操作人 操作 变更
 4 TIME wang undo 3 (batch 4) 生命周期: 活跃 -> 线索
 3 TIME li.na update 生命周期: 线索 -> 活跃
END
want 0 timeless crm -C labels history 1 --lang zh --limit 1 --json <<'END'
{"revision":4,"recorded_at":"TIME","action":"undo","customer":1,"batch":4,"actor":"wang","undone":3,"fields":{"lifecycle":{"before":"active","after":"lead"}}}
END
