# SPDX-License-Identifier: MIT
# numbers: measures and groupings as tables, CSV, JSON and pictures; segment diff; what is wrong.
. "$CLI_TESTS/lib.sh"

printf '%s\n' '{"name":"张伟","city":"上海","score":800,"lead_source":"wechat","credit_limit":"10000 CNY","tags":["region:cn/east"]}' \
    '{"name":"Li Na","city":"上海","score":900,"vip":true,"tags":["region:cn/east"]}' \
    '{"name":"Anna Becker","city":"Berlin","score":640,"lead_source":"web","credit_limit":"2500.50 EUR"}' \
    '{"kind":"organisation","name":"Acme, Ltd","city":"A & <B>"}' \
    '{"name":"王芳","city":"北京","score":300,"lead_source":"wechat","birth_date":"1990-05"}' |
    "$CRM" create --file - >/dev/null 2>&1
crm event add 1 kind=order time=2025-11-30T23:30:00Z amount='10 CNY' >/dev/null
crm event add 1 kind=order time=2026-01-05 amount='12.50 CNY' >/dev/null
crm event add 3 kind=order time=2026-02-01 amount='7 EUR' >/dev/null

# Without the spaces that fill empty cells at the end of a line.
trimmed()
{
    crm "$@" | sed 's/ *$//'
}

# without a grouping, with one, with two
want 0 crm numbers 'count, avg(score), median(score), max(score)' <<'END'
count            5
avg(score)     528
median(score)  640
max(score)     900
END
want 0 crm numbers 'count, sum(credit_limit) by lead_source' <<'END'
Lead source       count  sum(credit_limit)
Web          EUR      1           2,500.50
WeChat       CNY      2          10,000.00
-                     2               0.00
END
want 0 trimmed numbers 'count by city, lead_source' --lang zh <<'END'
城市     微信  网站  -
上海        1        1
A & <B>              1
Berlin            1
北京        1
END
same "$(crm numbers 'count by field(lifecycle)' --lang zh | sed 's/  *[0-9]*$//' | tail -n +2)" '线索'
want 0 crm numbers 'count by score in 5 steps' --of 'score > 500' <<'END'
score in 5 steps  count
600 … 700             1
700 … 800             0
800 … 900             1
900 … 1000            1
END

# a month is that of the zone, and one without orders is there; so are averages over rows
want 0 crm numbers 'count(order), sum(order.amount) by month between 2025-11 and 2026-02' <<'END'
month         count(order)  sum(order.amount)
2025-11  CNY             1              10.00
2025-12                  0               0.00
2026-01  CNY             1              12.50
2026-02  EUR             1               7.00
END
want 0 trimmed numbers 'count(order) by month between 2025-11 and 2026-02 moving 2' --zone Asia/Shanghai <<'END'
month    count(order)  moving 2 count(order)
2025-11             0
2025-12             1                    0.5
2026-01             1                    1.0
2026-02             1                    1.0
END

# for other programs
crm numbers 'count, sum(credit_limit) by lead_source' --csv >rows.csv
tr -d '\r' <rows.csv >rows.txt
want 0 cat rows.txt <<'END'
lead_source,currency,count,sum(credit_limit)
web,EUR,1,2500.50
wechat,CNY,2,10000
,,2,0
END
want 0 crm numbers 'count by score every 200' --json --of 'score > 500' <<'END'
{"request":"count by score every 200","groups":["score every 200"],"values":["count"],"how":["rows"],"rows":[{"groups":[["600","800"]],"values":[1]},{"groups":[["800","1000"]],"values":[2]}]}
END

# a picture: the same twice, well-formed, with every text escaped
crm numbers 'count by city' --svg a.svg >/dev/null
crm numbers 'count by city' --svg - >b.svg
cmp a.svg b.svg || die "not the same picture"
grep -q '>北京<' a.svg || die "no city"
grep -q 'A &amp; &lt;B&gt;' a.svg || die "not escaped"
crm numbers 'count(order) by month between 2025-11 and 2026-02' --svg c.svg >/dev/null
if command -v python3 >/dev/null; then
    for f in a.svg c.svg; do
        python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' $f || die "$f is no XML"
    done
fi

# a picture takes no file's place, nor a table's
silent 2 crm numbers 'count by city' --svg - --json
silent 2 crm numbers 'count by city' --svg - --csv
silent 2 crm numbers 'count by city' --force
cp a.svg kept.svg
silent 3 crm numbers count --svg a.svg
cmp a.svg kept.svg || die "a file was replaced"
crm numbers count --svg a.svg --force >/dev/null
cmp -s a.svg kept.svg && die "a file was not replaced"

# a year is not written as an amount
crm set 2 birth_date=1985 >/dev/null
want 0 crm numbers 'min(birth_date), max(birth_date)' <<'END'
min(birth_date)     1985
max(birth_date)  1990-05
END

# more columns than fit across are a list
for i in $(seq 1 17); do
    printf '{"name":"n","city":"c%s","score":%s}\n' "$i" "$i"
done | crm create --file - >/dev/null 2>&1
want 0 trimmed numbers 'count by score every 1, city' --of 'score > 0 and score < 3' <<'END'
score every 1  c1  c2
1 … 2           1
2 … 3               1
END
crm numbers 'count by score every 1, city' --of 'score > 0 and score < 18' | sed -n '1p;18p' >list.txt
want 0 cat list.txt <<'END'
score every 1  City  count
17 … 18        c17       1
END

# very many rows of nothing are left out, which is said
crm numbers 'count(order) by day' >/dev/null 2>err
[ -s err ] && die "rows are left out"
crm event add 1 kind=order time=1990-01-05 >/dev/null
want 0 crm numbers 'count(order) by day' <<'END'
day         count(order)
1990-01-05             1
2025-11-30             1
2026-01-05             1
2026-02-01             1
END
said <<'END'
crm: numbers: rows without anything are left out, as there would be more than 10,000
END

# two segments, and one at two times
want 0 crm segment diff 'city = 上海' 'score >= 800' <<'END'
in both             2
only in the first   0
only in the second  0
END
want 0 crm segment diff 'event(order, last 30 days)' --at 2026-01-10 --with 2026-02-10 --json <<'END'
{"both":0,"left":1,"right":1}
END

# what is wrong is shown where it stands
silent 4 crm numbers 'count by scroe'
said <<'END'
crm: numbers: no field of this name, did you mean "score"
  count by scroe
           ^
END
silent 4 crm numbers 'count by name'
silent 4 crm numbers 'count' --of 'scroe > 1'
silent 2 crm numbers
silent 2 crm numbers count --csv --json
silent 2 crm segment diff all
silent 5 crm numbers count --svg /nowhere/x.svg

# heads in the language of the reader
heads()
{
    crm numbers "$1" --lang zh | head -1 | sed 's/  */ /g; s/ $//'
}
same "$(heads 'count, avg(score), sum(order.amount, last 365 days) by lead_source')" \
    '客户来源 数量 平均(评分) 合计(订单.金额, last 365 days)'
same "$(heads 'percentile 90(score), count(order) by month(created_at)')" \
    '月(创建时间) 百分位 90 (评分) 数量(订单)'
same "$(heads 'count(order) by month last 2 months moving 2')" '月 数量(订单) 移动平均 2 数量(订单)'
same "$(heads 'count by score in 5 steps')" '评分 in 5 steps 数量'
same "$(crm numbers 'count, max(score)' --lang zh | sed 's/ .*//' | tr '\n' ' ')" '数量 最大(评分) '
same "$(crm numbers 'count by tags' --lang zh | sed -n '2s/  .*//p')" '地域: cn/east'
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    script -qec "'$CRM' numbers 'count(order), sum(order.amount) by month between 2025-11 and 2026-02' \
        --of 'id = 1' --lang zh" /dev/null </dev/null | tr -d '\r' >tty
    grep -q '  数量(订单)$' tty || die "no line of the first number"
    grep -q '  合计(订单.金额)$' tty || die "no line of the second number"
fi

# a picture of two groupings has each currency by itself, and one of a single currency names it
printf '%s\n' '{"name":"Jo","city":"Berlin","lead_source":"web","credit_limit":"99 CNY"}' |
    "$CRM" create --file - >/dev/null 2>&1
crm numbers 'sum(credit_limit) by city, lead_source' --svg two.svg >/dev/null
for text in 'Web EUR' 'Web CNY' 'WeChat CNY'; do
    grep -q ">$text<" two.svg || die "no series $text"
done
grep -q '<title>Berlin: 2500.5' two.svg && grep -q '<title>Berlin: 99' two.svg ||
    die "an amount of another currency is in its place"
grep -q '></text>' two.svg && die "a series without a name"
crm numbers 'sum(order.amount) by month between 2025-11 and 2026-01' --svg one.svg >/dev/null
grep -q '>CNY<' one.svg || die "the currency is not named"

# what is nearly a word of a request, and what has no steps
silent 4 crm numbers 'count by city orr'
grep -q 'did you mean' "$W/err" && die "a word that can't stand there"
silent 4 crm numbers 'count by city lsat 3 months'
grep -q 'did you mean "last"' "$W/err" || die "no near word"
silent 4 crm numbers 'mediann(score)'
grep -q 'did you mean "median"' "$W/err" || die "no near word of a number"
silent 4 crm numbers 'count by birth_date every 10'
grep -q 'grouped by month' "$W/err" || die "not told how dates are grouped"

# the first and the last second there are, in zones where their years have no number
crm event add 1 kind=order time=9999-12-31T23:59:59Z amount='1 CNY' >/dev/null
crm event add 1 kind=order time=0001-01-01T00:00:00Z amount='1 CNY' >/dev/null
for zone in Asia/Shanghai America/New_York; do
    for unit in day week month quarter year; do
        crm numbers "count(order) by $unit" --zone $zone --csv | tr -d '\r' >edge.csv
        test -s edge.csv || die "by $unit in $zone"
        same "$(tail -n +2 edge.csv | cut -d, -f2 | awk '{s += $1} END {print s}')" "$(crm numbers 'count(order)' --csv | tail -n 1 | tr -d '\r')"
        grep -q '^0001' edge.csv && grep -q '^9999' edge.csv || die "no edges by $unit in $zone"
    done
done

# averages are of neighbours, however many rows lie between
crm create name=Past --json 2>/dev/null | sed 's/.*"id":\([0-9]*\).*/\1/' >past
crm event add "$(cat past)" kind=order time=1970-01-01 amount='1 CNY' >/dev/null
crm event add "$(cat past)" kind=order time=2020-01-01 amount='1 CNY' >/dev/null
crm numbers 'count(order) by day moving 2' --of "id = $(cat past)" --csv | tr -d '\r' >far.csv
same "$(grep -c . far.csv)" 18264
same "$(tail -n 1 far.csv)" 2020-01-01,1,0.5
crm event add 1 kind=order time=2020-01-01 amount='1 CNY' >/dev/null
silent 4 crm numbers 'count(order) by day moving 2' --of 'id = 1'
crm numbers 'count(order) by day' --of "id = $(cat past)" --csv 2>"$W/err" >/dev/null
grep -q 'left out' "$W/err" || die "not told of rows that were left out"
