# SPDX-License-Identifier: MIT
# segment, and list --where: questions, their answers in every form, and what is wrong with them.
. "$CLI_TESTS/lib.sh"

printf '%s\n' '{"name":"张伟","phone":"13800138000","city":"上海","score":800,"lead_source":"wechat"}' \
    '{"name":"Li Na","email":"li.na@example.com","city":"上海","score":900,"vip":true}' \
    '{"name":"Anna Becker","city":"Berlin","score":700,"lead_source":"web"}' \
    '{"kind":"organisation","name":"Acme, Ltd","city":"London"}' \
    '{"name":"王芳","city":"北京","score":300,"lead_source":"wechat"}' \
    '{"name":"Gone","city":"上海","score":1000}' |
    "$CRM" create --file - >/dev/null 2>&1
crm delete 6 >/dev/null
crm event add 1 kind=quote time=2026-01-05 amount='10 CNY' >/dev/null
crm event add 3 kind=quote time=2026-01-05 amount='10 CNY' >/dev/null
crm event add 3 kind=order time=2026-02-01 amount='10 CNY' >/dev/null

# how many, in any language, from anywhere
want 0 crm segment count 'score >= 700' <<'END'
3
END
want 0 crm segment count all <<'END'
5
END
want 0 crm segment count '城市 = 上海 and （vip = true or 客户来源 = 微信）' --json <<'END'
{"count":2}
END
printf '# people of Shanghai\ncity = 上海\n  and score > 800\n' >q
want 0 crm segment count @q <<'END'
1
END
want 0 sh -c '"$CRM" segment count - <q' <<'END'
1
END
want 0 crm segment count 'event(quote, since 2026-01) not followed by event(order)' <<'END'
1
END
want 0 crm segment count 'event(quote, on 2026-01-05)' --zone Asia/Shanghai <<'END'
2
END
want 0 crm segment count 'event(quote, on 2026-01-05)' --zone -08:00 <<'END'
0
END

# the canonical text, and the tree
want 0 crm segment check '( 评分>=700 )  AND （客户来源=微信 or  vip = 是）' <<'END'
score >= 700 and (lead_source = wechat or vip = true)
END
want 0 crm segment check '评分 >= 700 and not kind = 公司' --json <<'END'
{"and":[{"field":"score","op":">=","value":700},{"not":{"field":"kind","op":"=","value":"organisation"}}]}
END

# lists: by id, in another order, page by page
want 0 crm list --where 'score >= 700' --fields id,name <<'END'
ID  Name
 1  张伟
 2  Li Na
 3  Anna Becker
END
want 0 crm segment top 'score >= 300' --order 'score desc' --fields id,name,score <<'END'
ID  Name         Score
 2  Li Na          900
 1  张伟           800
 3  Anna Becker    700
 5  王芳           300
END
crm list --where 'score >= 300' --order 'city desc, score' --limit 2 --json --fields id >page 2>more
same "$(cat page)" '{"id":5}
{"id":1}'
key=$(sed 's/.*"after":"\([^"]*\)".*/\1/' more)
want 0 crm list --where 'score >= 300' --order 'city desc, score' --limit 2 --after "$key" --csv --fields id,name <<END
id,name$(printf '\r')
2,Li Na$(printf '\r')
3,Anna Becker$(printf '\r')
END
said </dev/null
want 0 crm list --order 'score desc' --limit 1 --fields id <<'END'
ID
 2
END
grep -q '^crm: list: more with --after n[0-9a-f]*,i2$' "$W/err" || die "no resume key"
crm list --where 'score >= 300' --limit 3 --fields id 2>more >/dev/null
want 0 crm list --where 'score >= 300' --after "$(sed 's/.*--after //' more)" --fields id <<'END'
ID
 5
END
want 0 crm list --where 'score >= 0' --kind 公司 --fields id,kind <<'END'
ID  Kind
 4  Organisation
END
silent 4 crm list --where all --kind robot
silent 0 crm list --where none --json
want 0 crm segment top none --fields id <<'END'
ID
END
silent 4 crm list --order nmae
said <<'END'
crm: list: the order names no field of the model; did you mean 'name'?
END
silent 4 crm list --order phone
silent 4 crm list --order score --after i7x
silent 2 crm list --where all --deleted
silent 2 crm list --after many

# facets: the most frequent first
want 0 crm segment facet all --by city <<'END'
City    Customers   Share
上海            2  40.0 %
Berlin          1  20.0 %
London          1  20.0 %
北京            1  20.0 %
END
want 0 crm segment facet 'score > 0' --by lead_source --lang zh --limit 1 <<'END'
客户来源  客户数    占比
微信           2  50.0 %
END
said <<'END'
crm: segment: 另有 1 个值
END
want 0 crm segment facet 'score > 0' --by 客户来源 --json --lang zh <<'END'
{"value":"wechat","label":"微信","count":2,"of":4}
{"value":"web","label":"网站","count":1,"of":4}
END
want 0 crm segment facet none --by city <<'END'
City  Customers  Share
END
want 0 crm segment facet all --by tags <<'END'
Tag  Customers  Share
END
silent 4 crm segment facet all --by nmae
silent 4 crm segment facet all --by score
said <<'END'
crm: segment: 'score' has no sets of its values to count by; numbers count in steps: `count by score in 10 steps`
END
silent 2 crm segment facet all
said <<'END'
crm: segment: facet needs --by: a dimension of tags, 'tags', or a field
Try 'crm segment --help'.
END

# samples: the same seed draws the same
crm segment sample 'score > 0' 2 --seed 7 --json --fields id >a
crm segment sample 'score > 0' 2 --seed 7 --json --fields id >b
diff a b
same "$(wc -l <a | tr -d ' ')" 2
want 0 crm segment sample 'score > 0' 99999999999 --json --fields id <<'END'
{"id":1}
{"id":2}
{"id":3}
{"id":5}
END
silent 2 crm segment sample all 0
silent 2 crm segment sample all many

# how, and why
crm segment explain 'score >= 700 and not event(order)' | sed -E 's/ +[0-9.]+ (us|ms|s)/ T/g; s/ +[0-9.]+ (B|KiB)/ R/g' >a
head -n 1 a | grep -q '^Step  *By  *Estimate  *Rows  *Time  *Read$' || die "$(cat a)"
grep -q '^and ' a || die "$(cat a)"
grep -q '^  score >= 700  *column  *[0-9]*  *[0-9]* T R$' a || die "$(cat a)"
grep -q '^    event(order)  *days  *[0-9]*  *[0-9]* T R$' a || die "$(cat a)"
grep -q '^2 customers in T, 1 chunk of 65,536 ids$' a || die "$(cat a)"
crm segment explain 'score >= 700' --json | grep -q '^{"count":3,"chunks":1,.*"plan":{"step":"column","text":"score >= 700",' ||
    die "explain --json"
crm segment why 'score >= 700 and not (score > 850 or event(quote))' 张伟 | sort >a
sort >b <<'END'
customer 1 is not in the segment
no   and
yes    score >= 700
no     not
yes      or
no         score > 850
yes        event(quote)
END
diff a b || die "why"
# each condition as it was written, also where the plan joins several or turns one round
want 0 crm segment why '(vip = true or 城市 = 上海) and score != 800 and count(quote) >= 1 and sum(quote.amount) > 50' 1 <<'END'
customer 1 is not in the segment
no   and
yes    or
no       vip = true
yes      city = "上海"
no     score != 800
yes    count(quote) >= 1
no     sum(quote.amount) > 50 CNY
END
crm segment explain 'vip = true or 城市 = 上海 or email is empty or score != 5' | sed -E 's/  +[0-9,]+ .*//; s/  +/ /g; s/ in .*//' >a
diff - a <<'END' || die "explain"
Step By Estimate Rows Time Read
or
 vip = true or city = "上海" sets (2)
 email is empty sets
 score != 5 column
5 customers
END
want 0 crm segment why 'score >= 700' 3 --json <<'END'
{"customer":3,"in":true,"visible":true,"why":{"step":"column","text":"score >= 700","true":true}}
END
want 0 crm segment why 'score >= 700' 6 <<'END'
customer 6 is not in the segment: deleted customers are in none
END
silent 1 crm segment why all 99

# what is wrong is shown where it stands, whatever is in front of it
silent 4 crm segment count '姓名 = 张伟 and scroe >= 700'
said <<'END'
crm: segment: no field of this name, did you mean "score"
  姓名 = 张伟 and scroe >= 700
                  ^
END
printf 'score > 100 and\n  城市 上海\n' >q
silent 4 crm segment count @q
said <<'END'
crm: segment: q:2: expected a comparison such as =, in or is empty where a word stands
    城市 上海
         ^
END
silent 4 crm list --where 'score >'
said <<'END'
crm: list: expected a value where the end stands
  score >
         ^
END
long='name = 长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长 and scroe > 5 and score < 9 and score < 9 and score < 9'
silent 4 crm segment count "$long"
said <<'END'
crm: segment: no field of this name, did you mean "score"
  …长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长 and scroe > 5 and score < 9 and sco…
                                                                    ^
END
silent 4 crm segment count '姓名 = 张伟 and scroe >= 700' --json
said <<'END'
{"error":{"code":"CRM_EFIELD","verb":"segment","offset":20,"message":"segment: no field of this name, did you mean \"score\", at byte 20"}}
END
silent 4 crm segment count "$(printf 'score \377 5')"
silent 5 crm segment count @absent
silent 2 crm segment count @
silent 2 crm segment count
silent 2 crm segment count score '>=' 700
said <<'END'
crm: segment: count needs one QUERY, in quotes
Try 'crm segment --help'.
END
silent 2 crm segment cuont all
said <<'END'
crm: segment: needs count, run, top, facet, sum, histogram, group, sample, explain, why, check, diff, tag, untag, export, save, list, show, remove, watch, unwatch, watched, advance or feed; did you mean "count"?
Try 'crm segment --help'.
END
silent 2 crm segment count all --order name
said <<'END'
crm: segment: count takes no --order
Try 'crm segment --help'.
END
silent 5 crm -C absent segment count all

# saved ones
want 0 crm segment save 上海 '城市 = 上海' --actor li.na <<'END'
saved 上海
END
want 0 crm segment save 上海 'city = 上海' <<'END'
saved with this meaning already: 上海
END
silent 3 crm segment save 上海 'city = 北京'
said <<'END'
crm: segment: a segment is saved as 上海 already (--replace saves another version of it)
END
want 0 crm segment save good 'segment(上海) and score > 800' --actor li.na --json <<'END'
{"name":"good","saved":true}
END
want 0 crm segment count 'segment(good)' <<'END'
1
END
want 0 crm segment save 上海 'city in (上海, 北京)' --replace --actor wang <<'END'
saved 上海
END
want 0 crm segment count 'segment(上海)' <<'END'
3
END
want 0 crm segment list --lang zh --json <<END
$(crm segment list --json)
END
timeless crm segment list | tr -s ' ' >a
diff - a <<'END' || die "list"
Name Revision Time By Query
good 8 TIME li.na segment(上海) and score > 800
上海 9 TIME wang city in ("上海", "北京")
END
timeless crm segment show 上海 | tr -s ' ' >a
diff - a <<'END' || die "show"
city in ("上海", "北京")

Revision Time By Query
 9 TIME wang city in ("上海", "北京")
 7 TIME li.na city = "上海"
END
want 0 timeless crm segment show good --json <<'END'
{"name":"good","revision":8,"time":"TIME","actor":"li.na","text":"segment(上海) and score > 800","tree":{"and":[{"segment":"上海"},{"field":"score","op":">","value":800}]},"versions":[{"revision":8,"time":"TIME","actor":"li.na","text":"segment(上海) and score > 800"}]}
END
silent 3 crm segment remove 上海
silent 1 crm segment show bad
said <<'END'
crm: segment: no segment is saved as bad
END
silent 1 crm segment remove bad
silent 1 crm segment count 'segment(bad)'
silent 4 crm segment save good 'segment(good)' --replace
want 0 crm segment remove good <<'END'
removed good
END
want 0 crm segment remove 上海 --json <<'END'
{"removed":"上海"}
END
want 0 crm segment list <<'END'
Name  Revision  Time  By  Query
END
silent 2 crm segment show
silent 2 crm segment list all
silent 2 crm segment count all --replace

# tags for all of them
want 0 crm segment tag 'score >= 700' 购买力:高价值 --dry-run <<'END'
dry run: would change 3 customers
END
want 0 crm segment tag 'score >= 700' 购买力:高价值 <<'END'
changed 3 customers
END
want 0 crm segment tag 'score >= 600' value:high --json <<'END'
{"changed":0,"dry_run":false}
END
want 0 crm segment facet all --by tags --lang zh <<'END'
标签            客户数    占比
购买力: 高价值       3  60.0 %
END
want 0 crm segment count 'tag(value:high) and city = 上海' <<'END'
2
END
want 0 crm segment untag 'city = 上海' value:high <<'END'
changed 2 customers
END
want 0 crm segment tag all behaviour:active --until 2000-01-01 --reason 'long ago' <<'END'
changed 5 customers
END
want 0 crm segment count 'tag(behaviour:active)' <<'END'
0
END
silent 4 crm segment tag all nodim:x
silent 2 crm segment tag all value:low --until soon
silent 2 crm segment untag all value:low --until 2030
silent 2 crm segment count all --dry-run
silent 2 crm segment tag all

# who was in it; a rehearsal; what leaves with a reason is in the journal
want 0 crm segment save spring 'score >= 700' --static --dry-run <<'END'
dry run: would save spring
END
want 0 crm segment save spring 'score >= 700' --static --actor li.na <<'END'
saved spring
END
timeless crm segment list --json >a
diff - a <<'END' || die "list of a static one"
{"name":"spring","revision":16,"time":"TIME","actor":"li.na","static":true,"text":"score >= 700"}
END
crm segment top 'score >= 700' --limit 1 --reason 'call them' >/dev/null
crm segment sample all 1 --reason 'a check' >/dev/null
crm list --limit 1 --reason 'a look' >/dev/null 2>&1
timeless crm changes --json | grep -c -e 'call them' -e 'a check' -e 'a look' >a
same "$(cat a)" 3
silent 2 crm list --reason ''
silent 2 crm segment count all --reason ''
silent 2 crm segment list --reason why
before=$(crm stat --json | sed 's/.*"revision":\([0-9]*\).*/\1/')
want 0 crm segment count 'score >= 700' --reason r1 --purpose report <<'END'
3
END
crm segment facet 'score >= 700' --by kind --reason r2 >/dev/null
crm segment explain 'score >= 700' --reason r3 >/dev/null
crm segment why 'score >= 700' 1 --reason r4 >/dev/null
crm segment diff 'score >= 700' all --reason r5 >/dev/null
crm segment histogram 'score >= 700' score --reason r6 >/dev/null
crm numbers count --reason r7 >/dev/null
crm changes --json --after "$before" | sed 's/.*"action":"export",\("reason":"[^"]*","segment":"[^"]*"\).*/\1/' >a
diff - a <<'END' || die "each question tells its reason once for each segment"
"reason":"r1","segment":"score >= 700"
"reason":"r2","segment":"score >= 700"
"reason":"r3","segment":"score >= 700"
"reason":"r4","segment":"score >= 700"
"reason":"r5","segment":"score >= 700"
"reason":"r5","segment":"all"
"reason":"r6","segment":"score >= 700"
"reason":"r7","segment":"all"
END

# segments of the model, and saved ones that use them
cat >m.yaml <<'END'
crm: 1
fields:
  name: {type: text}
  score: {type: integer}
  vip: {type: boolean}
segments:
  good: {label: {zh: 重点客户}, query: score >= 700}
END
sed '/^segments/,$d' m.yaml >none.yaml
sed '/vip/d' m.yaml >field.yaml
sed 's/good:/spring: all\n  good:/' m.yaml >hides.yaml
mkdir of_model
cd of_model
crm init >/dev/null
crm model apply ../m.yaml >/dev/null
crm segment save mine 'segment(重点客户)' >/dev/null
crm segment save spring 'all' --static >/dev/null
crm segment save vips 'vip = true' >/dev/null
want 0 crm segment check 'segment(重点客户)' <<'END'
segment(good)
END
want 0 crm segment show 重点客户 <<'END'
score >= 700
END
want 3 crm model apply ../none.yaml --plan <<'END'
../none.yaml: change: segment good: it is removed
../none.yaml: loss: the saved segment 'mine' can't be asked any more: there is no saved segment 'good'
data would be lost: 'model apply' needs --force
END
want 3 crm model apply ../hides.yaml <<'END'
../hides.yaml: change: segment spring: it is added
../hides.yaml: loss: segments: a name of the model hides the saved segment 'spring', which has to be removed first
END
want 0 crm model apply ../field.yaml --force <<'END'
../field.yaml: change: vip: is removed; no stored value is touched
../field.yaml: loss: the saved segment 'vips' can't be asked any more: no field of this name at byte 0
version 3
END
crm segment list | grep -q "vip = true (can't be asked: " || die "list of one that can't be asked"
timeless crm segment show vips 2>../said | head -1 >../a
same "$(cat ../a)" 'vip = true'
grep -q "can't be asked" ../said || die "show of one that can't be asked"
crm model apply ../hides.yaml --force >/dev/null
silent 3 crm segment remove spring
cd ..

# times of --at, --with and --until are of --zone
mkdir times
cd times
crm init >/dev/null
hence=$(python3 -c 'import datetime as d
print((d.datetime.now(d.timezone.utc) + d.timedelta(hours=1)).strftime("%Y-%m-%d %H:%M"))')
crm create name=Now >/dev/null
for zone in +00:00 +05:00; do
    crm segment diff 'created_at in last 2 hours' --at "$hence" --with 2999-06-01 --zone $zone --json
done >zones
diff - zones <<'END' || die "zones of diff"
{"both":0,"left":1,"right":0}
{"both":0,"left":0,"right":0}
END
silent 2 crm segment diff all --at noon
said <<'END'
crm: segment: --at needs a time such as 2026-01-31 or 2026-01-31T09:30:00Z, not 'noon'
Try 'crm segment --help'.
END
crm segment tag all behaviour:active --until 2999-06-01 --zone +01:00 >/dev/null
crm tags --of 1 --json | grep -q '"tag":"behaviour:active","until":"2999-05-31T23:00:00Z"' ||
    die "an end in a zone"

# the customers themselves, and numbers over them, by the name of a saved one, too
unix()
{
    "$@" | tr -d '\r'
}
mkdir numbers
cd numbers
crm init >/dev/null
crm create name=Ann score=700 lifecycle=active vip=true >/dev/null
crm create name=Bob score=300 lifecycle=lead >/dev/null
crm create kind=organisation name=Acme score=900 >/dev/null
crm segment save high 'score >= 700' >/dev/null
want 0 unix crm segment run high --fields id,name --csv <<'END'
id,name
1,Ann
3,Acme
END
crm list --where high --fields id,name --order 'name desc' --limit 2 >listed 2>&1
crm segment run high --fields id,name --order 'name desc' --limit 2 2>&1 | diff listed - >&2 || die "run is list"
[ "$(crm segment count high)" = 2 ] || die "a saved name is a query"
silent 4 crm segment count hihg
want 0 crm segment sum high score <<'END'
sum(score)  1,600
END
want 0 unix crm segment sum all score kind --csv <<'END'
kind,sum(score)
person,1000
organisation,900
END
want 0 unix crm segment histogram all score 2 --csv <<'END'
score in 2 steps,count
0,1
500,2
END
crm event add 1 kind=order amount='30 CNY' time=2026-01-05 >/dev/null
crm event add 1 kind=order amount='80 CNY' time=2026-02-05 >/dev/null
crm event add 2 kind=order amount='110 CNY' time=2026-03-05 >/dev/null
want 0 unix crm segment histogram all order.amount 'every 50 CNY' --csv <<'END'
order.amount every 50 CNY,count(order)
0,1
50,1
100,1
END
want 0 unix crm segment histogram high order.amount 2 --window 'since 2026-02' --csv <<'END'
order.amount in 2 steps,count(order)
80,1
END
crm segment histogram all 订单.金额 2 --window 'since 2026-02' >histogram
crm numbers 'count(order) by order.amount in 2 steps since 2026-02' | diff histogram - >&2 || die "histogram is numbers"
want 0 unix crm segment sum all order.amount --window 'between 2026-01 and 2026-02' --csv <<'END'
currency,sum(order.amount)
CNY,110
END
silent 4 crm segment histogram all score --window 'last 9 days'
silent 2 crm segment count all --window 'last 9 days'
crm segment group high kind 'count, avg(score)' >grouped
crm numbers 'count, avg(score) by kind' --of high | diff grouped - >&2 || die "group is numbers"
silent 4 crm segment sum all nme
silent 2 crm segment sum all
silent 2 crm segment group all kind count more
silent 2 crm segment sum all score --limit 3
want 0 unix crm segment diff high all --csv <<'END'
both,left,right
2,0,1
END

# a dimension of tags and a field of one name; kinds
want 0 crm segment facet all --by lifecycle <<'END'
Lifecycle  Customers  Share
END
said <<'END'
crm: segment: nobody has a tag of lifecycle; --by 'field(lifecycle)' counts by the field of that name
END
want 0 crm segment facet all --by 'field(lifecycle)' --json <<'END'
{"value":"lead","label":"Lead","count":2,"of":3}
{"value":"active","label":"Active","count":1,"of":3}
END
want 0 crm segment facet all --by kind --lang zh <<'END'
类型  客户数    占比
个人       2  66.7 %
组织       1  33.3 %
END
silent 4 crm segment facet all --by 'field(nme)'
grep -q 'did you mean "name"?' "$W/err" || die "no near field"
for by in ctiy:city regon:region tgas:tags knd:kind; do
    silent 4 crm segment facet all --by ${by%:*}
    grep -q "did you mean \"${by#*:}\"?" "$W/err" || die "no near name of $by"
done

# words and values that are nearly right
near()
{
    silent 4 crm segment count "$1"
    grep -q "did you mean \"$2\"" "$W/err" || die "no near word of: $1"
}
near 'score >= 3 adn vip = true' and
near 'score betwen 3 and 4' between
near 'score is emtpy' empty
near 'created_at in lst 3 days' last
near 'created_at in last 3 mnths' months
near 'event(order, last 3 mnths)' months
near 'created_at in this mnth' month
near 'birthday in nxt 7 days' next
near 'event(order, lats 3 days)' last
near 'event(*, previuos month)' previous
near 'event(order, amuont > 3)' amount
near 'evnt(order)' event
near 'cuont(order) > 1' count
near 'lifecycle = actve' active
near 'lifecycle in (lead, actve)' active
silent 4 crm segment count 'score >= 3 zzzzzz vip = true'
! grep -q 'did you mean' "$W/err" || die "a word near none"

# a saved name that is a condition by itself is told; a name of several words
crm segment save none 'score > 1' 2>"$W/err" >/dev/null || die "not saved"
grep -q 'segment("none")' "$W/err" || die "not told that none is a condition"
silent 4 crm segment count 'segment(two words)'
grep -q 'several words is in quotes' "$W/err" || die "not told of quotes"
silent 4 crm segment count 'name = "a'
grep -q 'opened and never closed$' "$W/err" || die "not told of the quote"

# spaces in quotes are asked for
crm create name='Qu Lee' >/dev/null && crm create name=Quentin >/dev/null
same "$(crm segment count 'name starts with "Qu"')" 2
same "$(crm segment count 'name starts with "Qu "')" 1
same "$(crm segment count 'name contains "u "')" 1
same "$(crm segment check 'name contains " "')" 'name contains " "'
silent 4 crm segment count "name = 'Quentin'"
grep -q 'double quotes' "$W/err" || die "single quotes"
same "$(crm segment count "name = 's-Hertogenbosch")" 0
