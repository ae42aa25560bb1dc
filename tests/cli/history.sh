# SPDX-License-Identifier: MIT
# history: what was changed, by whom; lists, removed and deleted things; get --at.
. "$CLI_TESTS/lib.sh"

crm create name=Ann phone=13800138000 city=Rome external@erp=1 --actor li.na >/dev/null 2>&1
crm set 1 city=上海 score=500 --actor 张伟 >/dev/null
crm set 1 phone+=13700137000 city= --actor li.na >/dev/null
crm set 1 vip=yes --batch=spring --actor li.na >/dev/null 2>&1
crm delete 1 --actor wang >/dev/null
want 0 timeless crm history 1 <<'END'
Revision  Recorded                     Actor  Action            Change
       6  TIME  wang   delete
       5  TIME  li.na  update (batch 5)  VIP: false -> true
       4  TIME  li.na  update            Phone: +8613800138000 -> +8613800138000, +8613700137000
                                                                City: 上海 -> -
       3  TIME  张伟   update            City: Rome -> 上海
                                                                Score: 0 -> 500
       2  TIME  li.na  create            Name: Ann
                                                                Phone: +8613800138000
                                                                City: Rome
                                                                Lifecycle: lead
                                                                Score: 0
                                                                VIP: false
                                                                External id: 1
END
want 0 timeless crm history 1 --lang zh --limit 2 <<'END'
修订号  记录时间                     操作人  操作              变更
     6  TIME  wang    delete
     5  TIME  li.na   update (batch 5)  贵宾: false -> true
END
want 0 timeless crm history 1 --json <<'END'
{"revision":6,"recorded_at":"TIME","action":"delete","customer":1,"actor":"wang","fields":{}}
{"revision":5,"recorded_at":"TIME","action":"update","customer":1,"batch":5,"actor":"li.na","fields":{"vip":{"before":false,"after":true}}}
{"revision":4,"recorded_at":"TIME","action":"update","customer":1,"actor":"li.na","fields":{"phone":{"before":["+8613800138000"],"after":["+8613800138000","+8613700137000"]},"city":{"before":"上海","after":null}}}
{"revision":3,"recorded_at":"TIME","action":"update","customer":1,"actor":"张伟","fields":{"city":{"before":"Rome","after":"上海"},"score":{"before":0,"after":500}}}
{"revision":2,"recorded_at":"TIME","action":"create","customer":1,"actor":"li.na","fields":{"name":{"after":"Ann"},"phone":{"after":["+8613800138000"]},"city":{"after":"Rome"},"lifecycle":{"after":"lead"},"score":{"after":0},"vip":{"after":false},"external":{"after":["1"]}}}
END
want 0 timeless crm history 1 --width 60 --limit 4 <<'END'
Revision  Recorded       Actor  Action         Change
       6  2026-11-22T1…  wang   delete
       5  2026-11-22T1…  li.na  update (batc…  VIP: false -…
       4  2026-11-22T1…  li.na  update         Phone: +8613…
                                               City: 上海 -…
       3  2026-11-22T1…  张伟   update         City: Rome -…
                                               Score: 0 -> …
END
crm undelete 1 --actor li.na >/dev/null
want 0 timeless crm history phone=13700137000 --limit 1 --json <<'END'
{"revision":7,"recorded_at":"TIME","action":"undelete","customer":1,"actor":"li.na","fields":{}}
END
crm undo 4 --skip >/dev/null
printf '{"name":"Bob"}\n' | "$CRM" create --file - --batch --actor li.na >/dev/null 2>&1
crm undo 8 --actor wang >/dev/null
want 0 timeless crm history 2 --json <<'END'
{"revision":9,"recorded_at":"TIME","action":"undo","undone":2,"batch":9,"actor":"wang","fields":{}}
{"revision":8,"recorded_at":"TIME","action":"create","customer":2,"batch":8,"actor":"li.na","fields":{"name":{"after":"Bob"},"lifecycle":{"after":"lead"},"score":{"after":0},"vip":{"after":false}}}
END

# a field that the model no longer has
crm create name=Cy city=Rome nickname=C --actor li.na >/dev/null
crm set 3 city=Bonn nickname= --actor li.na >/dev/null
crm model show | sed '/^  nickname:/,/^  [a-z_]*:$/{/^  [a-z_]*:$/!d;/nickname/d}' >less.yaml
crm model apply less.yaml --force >/dev/null
NOT REACHED timeless crm history 3 --limit 1
NOT REACHED timeless crm history 3 --limit 1 --json

# as it was
at()
{
    crm get 1 --json "$@" | sed 's/,"created_at":"[^"]*","updated_at":"[^"]*"//'
}
NOT REACHED at --at 2
NOT REACHED at --at 3
NOT REACHED at --at 4
NOT REACHED at --at 6
same "$(at --at 999)" "$(at)"
NOT REACHED timeless crm get 1 --at 2 --origins
NOT REACHED crm get 1 --at 1
NOT REACHED crm get 77 --at 5
NOT REACHED crm get 1 --at 0
NOT REACHED crm get 1 --at 2026-01-01

# what is wrong
NOT REACHED crm history
NOT REACHED crm history 1 2
NOT REACHED crm history 77
NOT REACHED crm history 77 --json
NOT REACHED crm history nobody@example.com
NOT REACHED crm history 1 --limit 0
NOT REACHED crm history 1 --limt 1
NOT REACHED crm -C nowhere history 1
