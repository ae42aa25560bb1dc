# SPDX-License-Identifier: MIT
# timeline: order, kinds, bounds, pages, labels, wide characters, totals.
. "$CLI_TESTS/lib.sh"

crm create name=Ann phone=13800138000 >/dev/null 2>&1
crm create name=Bob >/dev/null
cat >events <<'END'
{"customer":1,"kind":"order","time":"2026-01-05T10:00:00Z","amount":"12.50 CNY","product":"龙井茶 250g","source":"shop","reference":"O-1"}
{"customer":1,"kind":"call","time":"2026-01-20T09:30:00Z","direction":"in","duration":90}
{"customer":1,"kind":"order","time":"2026-02-05T10:00:00Z","amount":"1034 CNY","quantity":"2","source":"shop","reference":"O-2"}
{"customer":1,"kind":"order","time":"2026-02-05T10:00:00Z","amount":"8.25 EUR","source":"店铺","reference":"单-3"}
{"customer":1,"kind":"visit","time":"2026-03-01T00:00:00.5Z","subject":"a\nb"}
{"customer":1,"kind":"order","time":"2026-03-02","amount":"1 CNY"}
END
crm event add --file events >/dev/null
crm event void 1 6
want 0 crm timeline 1 <<'END'
Number  Time                      Kind   Source  Reference  Details
     5  2026-03-01T00:00:00.500Z  Visit                     Subject: a\nb
     4  2026-02-05T10:00:00Z      Order  店铺    单-3       Amount: 8.25 EUR
     3  2026-02-05T10:00:00Z      Order  shop    O-2        Amount: 1034 CNY, Quantity: 2
     2  2026-01-20T09:30:00Z      Call                      Direction: in, Duration: 90
     1  2026-01-05T10:00:00Z      Order  shop    O-1        Amount: 12.50 CNY, Product: 龙井茶 250g
END
want 0 crm timeline 13800138000 --lang zh --all <<'END'
编号  时间                      类型  来源  单号  状态     内容
   7  2026-03-02T00:00:00Z      作废              voids 6
   6  2026-03-02T00:00:00Z      订单              voided   金额: 1 CNY
   5  2026-03-01T00:00:00.500Z  拜访                       主题: a\nb
   4  2026-02-05T10:00:00Z      订单  店铺  单-3           金额: 8.25 EUR
   3  2026-02-05T10:00:00Z      订单  shop  O-2            金额: 1034 CNY, 数量: 2
   2  2026-01-20T09:30:00Z      通话                       方向: in, 时长: 90
   1  2026-01-05T10:00:00Z      订单  shop  O-1            金额: 12.50 CNY, 产品: 龙井茶 250g
END
cp "$W/out" zh
LC_ALL=zh_CN.UTF-8 crm timeline 1 --all | diff zh - >&2
crm timeline 1 --all --lang zh-CN | diff zh - >&2
NOT REACHED crm timeline 1 --oldest --json
NOT REACHED crm timeline 1 --all --limit 2 --json
NOT REACHED crm timeline 1 --width 60
NOT REACHED crm timeline 2
NOT REACHED crm timeline 2 --json

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
NOT REACHED crm timeline 1 --limit 2
NOT REACHED crm timeline 1 --limit 2 --after 4 --json
NOT REACHED crm timeline 1 --limit 2 --after 2 --json
same "$(numbers --oldest --after 2)" "3 4 5 "
same "$(numbers --kind call --after 3)" "2 "

# totals
NOT REACHED crm timeline 1 --totals
NOT REACHED crm timeline 1 --totals --lang zh
NOT REACHED crm timeline 1 --totals --json
NOT REACHED crm timeline 2 --totals
NOT REACHED crm timeline 2 --totals --json

# what is wrong
NOT REACHED crm timeline
NOT REACHED crm timeline 1 2
NOT REACHED crm timeline 77
NOT REACHED crm timeline 1 --kind ordr
NOT REACHED crm timeline 1 --from yesterday
NOT REACHED crm timeline 1 --until 2026-02-29
NOT REACHED crm timeline 1 --after x
NOT REACHED crm timeline 1 --after 99
NOT REACHED crm timeline 1 --limit 0
NOT REACHED crm timeline 1 --totals --kind order
NOT REACHED crm timeline 1 --oldst
NOT REACHED crm timeline 1 --actor x
crm delete 1 >/dev/null
NOT REACHED crm timeline 1
same "$(numbers --all)" "6 7 5 4 3 2 1 "
