# SPDX-License-Identifier: MIT
# timeline: order, kinds, bounds, pages, labels, wide characters, totals.
. "$CLI_TESTS/lib.sh"

crm create name=Ann phone=13800138000 >/dev/null 2>&1
crm create name=Bob >/dev/null
add()
{
    crm event add "$@" >/dev/null
}
add 1 kind=order time=2026-01-05T10:00:00Z amount='12.50 CNY' product='龙井茶 250g' --source shop --reference O-1
add 1 kind=call time=2026-01-20T09:30:00Z direction=in duration=90
add 1 kind=order time=2026-02-05T10:00:00Z amount='1034 CNY' quantity=2 --source shop --reference O-2
add 1 kind=order time=2026-02-05T10:00:00Z amount='8.25 EUR' --source 店铺 --reference 单-3
add 1 kind=visit time=2026-03-01T00:00:00.5Z subject="$(printf 'a\nb')"
add 1 kind=order time=2026-03-02 amount='1 CNY'
crm event void 1 6 >/dev/null
want 0 crm timeline 1 <<'END'
Number  Revision  Time                      Kind   Source  Reference  Details
     5         8  2026-03-01T00:00:00.500Z  Visit                     Subject: a\nb
     4         7  2026-02-05T10:00:00Z      Order  店铺    单-3       Amount: 8.25 EUR
     3         6  2026-02-05T10:00:00Z      Order  shop    O-2        Amount: 1034 CNY, Quantity: 2
     2         5  2026-01-20T09:30:00Z      Call                      Direction: In, Duration: 90
     1         4  2026-01-05T10:00:00Z      Order  shop    O-1        Amount: 12.50 CNY, Product: 龙井茶 250g
END
want 0 crm timeline 13800138000 --lang zh --all <<'END'
编号  修订号  时间                      类型  来源  单号  状态     内容
   7      10  2026-03-02T00:00:00Z      作废              voids 6
   6       9  2026-03-02T00:00:00Z      订单              voided   金额: 1 CNY
   5       8  2026-03-01T00:00:00.500Z  拜访                       主题: a\nb
   4       7  2026-02-05T10:00:00Z      订单  店铺  单-3           金额: 8.25 EUR
   3       6  2026-02-05T10:00:00Z      订单  shop  O-2            金额: 1034 CNY, 数量: 2
   2       5  2026-01-20T09:30:00Z      通话                       方向: 呼入, 时长: 90
   1       4  2026-01-05T10:00:00Z      订单  shop  O-1            金额: 12.50 CNY, 产品: 龙井茶 250g
END
cp "$W/out" zh
LC_ALL=zh_CN.UTF-8 crm timeline 1 --all | diff zh - >&2
crm timeline 1 --all --lang zh-CN | diff zh - >&2
want 0 crm timeline 1 --oldest --json <<'END'
{"number":1,"kind":"order","time":"2026-01-05T10:00:00Z","amount":{"amount":"12.50","currency":"CNY"},"product":"龙井茶 250g","source":"shop","reference":"O-1","revision":4}
{"number":2,"kind":"call","time":"2026-01-20T09:30:00Z","direction":"in","duration":90,"revision":5}
{"number":3,"kind":"order","time":"2026-02-05T10:00:00Z","amount":{"amount":"1034","currency":"CNY"},"quantity":"2","source":"shop","reference":"O-2","revision":6}
{"number":4,"kind":"order","time":"2026-02-05T10:00:00Z","amount":{"amount":"8.25","currency":"EUR"},"source":"店铺","reference":"单-3","revision":7}
{"number":5,"kind":"visit","time":"2026-03-01T00:00:00.500Z","subject":"a\nb","revision":8}
END
want 0 crm timeline 1 --all --limit 2 --json <<'END'
{"number":7,"kind":"void","time":"2026-03-02T00:00:00Z","voids":6,"revision":10}
{"number":6,"kind":"order","time":"2026-03-02T00:00:00Z","amount":{"amount":"1","currency":"CNY"},"state":"voided","revision":9}
END
said <<'END'
{"resume":{"after":6}}
END
want 0 crm timeline 1 --width 60 <<'END'
Number  Revision  Time     Kind   Source  Referen…  Details
     5         8  2026-0…  Visit                    Subject…
     4         7  2026-0…  Order  店铺    单-3      Amount:…
     3         6  2026-0…  Order  shop    O-2       Amount:…
     2         5  2026-0…  Call                     Directi…
     1         4  2026-0…  Order  shop    O-1       Amount:…
END
want 0 crm timeline 2 <<'END'
Number  Revision  Time  Kind  Source  Reference  Details
END
silent 0 crm timeline 2 --json

# kinds and bounds
numbers()
{
    crm timeline 1 --json "$@" | sed 's/^{"number":\([0-9]*\),.*/\1/' | tr '\n' ' '
}
same "$(numbers --kind order)" "4 3 1 "
same "$(numbers --kind 通话 --kind visit)" "5 2 "
same "$(numbers --from 2026-02-05T10:00Z)" "5 4 3 "
same "$(numbers --from 2026-02-05T10:00:00.000001Z)" "5 "
same "$(numbers --until 2026-02-05T10:00:00Z)" "2 1 "
same "$(numbers --from 2026-01-20T17:30+08:00 --until 2026-03-01)" "4 3 2 "
same "$(numbers --from '2026-01-20 09:30:00.0001')" "5 4 3 "
same "$(numbers --from 1970-01-01)" "5 4 3 2 1 "
same "$(numbers --until 1970-01-01)" ""

# pages
want 0 crm timeline 1 --limit 2 <<'END'
Number  Revision  Time                      Kind   Source  Reference  Details
     5         8  2026-03-01T00:00:00.500Z  Visit                     Subject: a\nb
     4         7  2026-02-05T10:00:00Z      Order  店铺    单-3       Amount: 8.25 EUR
END
said <<'END'
crm: timeline: more with --after 4
END
want 0 crm timeline 1 --limit 2 --after 4 --json <<'END'
{"number":3,"kind":"order","time":"2026-02-05T10:00:00Z","amount":{"amount":"1034","currency":"CNY"},"quantity":"2","source":"shop","reference":"O-2","revision":6}
{"number":2,"kind":"call","time":"2026-01-20T09:30:00Z","direction":"in","duration":90,"revision":5}
END
said <<'END'
{"resume":{"after":2}}
END
want 0 crm timeline 1 --limit 2 --after 2 --json <<'END'
{"number":1,"kind":"order","time":"2026-01-05T10:00:00Z","amount":{"amount":"12.50","currency":"CNY"},"product":"龙井茶 250g","source":"shop","reference":"O-1","revision":4}
END
same "$(numbers --oldest --after 2)" "3 4 5 "
same "$(numbers --kind call --after 3)" "2 "

# totals
want 0 crm timeline 1 --totals <<'END'
Kind   Events  First                     Last                      Sums
Visit       1  2026-03-01T00:00:00.500Z  2026-03-01T00:00:00.500Z
Call        1  2026-01-20T09:30:00Z      2026-01-20T09:30:00Z      Duration: 90
Order       3  2026-01-05T10:00:00Z      2026-02-05T10:00:00Z      Amount: 1046.50 CNY, Amount: 8.25 EUR, Quantity: 2
END
want 0 crm timeline 1 --totals --lang zh <<'END'
类型  次数  首次                      最近                      合计
拜访     1  2026-03-01T00:00:00.500Z  2026-03-01T00:00:00.500Z
通话     1  2026-01-20T09:30:00Z      2026-01-20T09:30:00Z      时长: 90
订单     3  2026-01-05T10:00:00Z      2026-02-05T10:00:00Z      金额: 1046.50 CNY, 金额: 8.25 EUR, 数量: 2
END
want 0 crm timeline 1 --totals --json <<'END'
{"visit":{"count":1,"first":"2026-03-01T00:00:00.500Z","last":"2026-03-01T00:00:00.500Z","sums":{}},"call":{"count":1,"first":"2026-01-20T09:30:00Z","last":"2026-01-20T09:30:00Z","sums":{"duration":"90"}},"order":{"count":3,"first":"2026-01-05T10:00:00Z","last":"2026-02-05T10:00:00Z","sums":{"amount":{"CNY":"1046.50","EUR":"8.25"},"quantity":"2"}}}
END
want 0 crm timeline 2 --totals <<'END'
Kind  Events  First  Last  Sums
END
want 0 crm timeline 2 --totals --json <<'END'
{}
END

# what is wrong
silent 2 crm timeline
said <<'END'
crm: timeline: needs one customer
Try 'crm timeline --help'.
END
silent 2 crm timeline 1 2
said <<'END'
crm: timeline: needs one customer
Try 'crm timeline --help'.
END
silent 1 crm timeline 77
said <<'END'
crm: timeline: there is no customer 77
END
silent 4 crm timeline 1 --kind ordr
said <<'END'
crm: timeline: "ordr" is no event kind of the model; did you mean "order"?
END
silent 2 crm timeline 1 --from yesterday
said <<'END'
crm: timeline: --from needs a time such as 2026-01-31 or 2026-01-31T09:30:00Z, not 'yesterday'
Try 'crm timeline --help'.
END
silent 2 crm timeline 1 --until 2026-02-29
said <<'END'
crm: timeline: --until needs a time such as 2026-01-31 or 2026-01-31T09:30:00Z, not '2026-02-29'
Try 'crm timeline --help'.
END
silent 2 crm timeline 1 --after x
said <<'END'
crm: timeline: --after needs the number of an event, not 'x'
Try 'crm timeline --help'.
END
silent 1 crm timeline 1 --after 99
said <<'END'
crm: timeline: customer 1 has no event 99
END
silent 2 crm timeline 1 --limit 0
said <<'END'
crm: timeline: --limit needs a number from 1
Try 'crm timeline --help'.
END
silent 2 crm timeline 1 --totals --kind order
said <<'END'
crm: timeline: --totals are of the whole timeline: it goes alone
Try 'crm timeline --help'.
END
silent 2 crm timeline 1 --oldst
said <<'END'
crm: timeline: no such option: --oldst; did you mean "--oldest"?
Try 'crm timeline --help'.
END
silent 2 crm timeline 1 --actor x
said <<'END'
crm: timeline: --actor, --source and --zone are for verbs that write
Try 'crm timeline --help'.
END

# what is printed can be added, here to another customer
want 0 sh -c '"$CRM" timeline 1 --oldest --json | "$CRM" event add 2 --file -' <<'END'
standard input: JSON Lines, UTF-8
5 rows: 5 added, 0 known already, 0 bad
END
crm timeline 1 --oldest --json | sed 's/,"revision":.*//' >one
crm timeline 2 --oldest --json | sed 's/,"revision":.*//' | diff one - >&2
# a time without an offset is one of --zone
same "$(crm timeline 1 --oldest --from 2026-01-20T09:30 --json | head -1 | cut -d, -f1)" '{"number":2'
same "$(crm timeline 1 --oldest --from '2026-01-20 17:30' --zone Asia/Shanghai --json | head -1 |
    cut -d, -f1)" '{"number":2'
same "$(crm timeline 1 --oldest --from '2026-01-20 17:31' --zone Asia/Shanghai --json | head -1 |
    cut -d, -f1)" '{"number":3'

crm delete 1 >/dev/null
silent 1 crm timeline 1
said <<'END'
crm: timeline: customer 1 is deleted
END
same "$(numbers --all)" "7 6 5 4 3 2 1 "
