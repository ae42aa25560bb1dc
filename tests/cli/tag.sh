# SPDX-License-Identifier: MIT
# tag and tags: given, taken, set, renamed, merged, deleted, undone; counted and listed.
. "$CLI_TESTS/lib.sh"

crm init >/dev/null
for name in Ann Bob Cui; do
    crm create name=$name >/dev/null
done
want 0 crm tag add 地域:cn/east 1 2 --actor li.na --reason 展会 <<'OUT'
tagged 1
tagged 2
OUT
want 0 crm tag add region:cn/east 1 <<'OUT'
unchanged 1
OUT
want 0 crm tag set 购买力:高价值 1 <<'OUT'
tagged 1
OUT
want 0 crm tag add value:low 1 --json <<'OUT'
{"id":1,"changed":true}
OUT
want 0 crm tag add interest:golf 3 <<'OUT'
tagged 3
OUT
want 0 crm tags --json <<'OUT'
{"tag":"region:cn/east","customers":2,"below":2}
{"tag":"value:low","customers":1,"below":1}
{"tag":"interest:golf","customers":1,"below":1}
OUT
want 0 crm tags --who region:cn <<'OUT'
1
2
OUT
crm tags --of 1 --json >of
grep -q '"tag":"region:cn/east","revision":5,.*"batch":5,"origin":"manual","actor":"li.na","reason":"展会"' of || die "tags of a customer"
want 0 crm tag rename interest:golf interest:sport <<'OUT'
changed 1
OUT
want 0 crm tag remove region:cn/east 2 <<'OUT'
untagged 2
OUT
want 0 crm tag delete 地域:cn --json <<'OUT'
{"changed":1}
OUT
want 0 crm tags 地域 --json </dev/null
silent 1 crm tag delete region:cn
silent 4 crm tag add regoin:cn 1
silent 2 crm tag give region:cn 1
silent 2 crm tag add region:cn
silent 2 crm tags --all
for odd in "--until 2999-01-01" "--reason why" --rule; do
    silent 2 crm tag remove value:low 1 $odd
    silent 2 crm tag delete value:low $odd
    silent 2 crm tag rename value:low value:high $odd
done
silent 2 crm tag add behaviour:dormant 1 --until 1970-01-01
crm tag add behaviour:dormant 1 --until '2999-01-01 08:00' --zone Asia/Shanghai >/dev/null
crm tags --of 1 --json | grep -q '"tag":"behaviour:dormant","until":"2999-01-01T00:00:00Z"' ||
    die "an end in a zone"
crm tag remove behaviour:dormant 1 >/dev/null
silent 2 crm tag set value: 1
crm tags --of 1 --json >of
grep -q '"tag":"value:low"' of || die "an empty value takes nothing"
want 0 crm tag set value 1 <<'OUT'
tagged 1
OUT
revision=$(crm changes --json | tail -1 | sed 's/.*"revision":\([0-9]*\).*/\1/')
want 0 crm undo "$revision" --dry-run <<'OUT'
dry run: 0 deleted, 0 put back, 0 events, 1 tag, 0 skipped
OUT
crm undo "$revision" --json >undone
grep -q '"events":0,"tags":1,"skipped":0,' undone || die "undo counts tags"

# what became of the tags of a customer, and what each change did
mkdir past
cd past
crm init >/dev/null
for name in Ann Bob Cid; do crm create name=$name >/dev/null; done
crm tag add region:cn/east 1 2 --reason "spring fair" --actor li.na >/dev/null
crm tag set value:high 1 --actor li.na >/dev/null
crm tag set value:low 1 --actor wang >/dev/null
crm tag rename value:low value:mid --actor wang >/dev/null
crm tag add behaviour:dormant 1 --until 2999-01-01 --actor wang >/dev/null
want 0 sh -c '"$CRM" changes --after 4 | sed "s/20[-0-9T:.]*Z  //"' <<'OUT'
5  li.na  batch 5: +region:cn/east (2)
6  li.na  tag customer 1: +value:high
7  wang  tag customer 1: -value:high, +value:low
8  wang  batch 8: -value:low (1), +value:mid (1)
9  wang  tag customer 1: +behaviour:dormant
OUT
want 0 timeless crm changes --after 7 --json <<'OUT'
{"revision":8,"recorded_at":"TIME","action":"batch","batch":8,"actor":"wang","created":[],"changed":[],"with_events":[],"tags":[{"tag":"value:low","taken":[[1,1]]},{"tag":"value:mid","given":[[1,1]]}]}
{"revision":9,"recorded_at":"TIME","action":"tag","customer":1,"actor":"wang","tags":[{"tag":"behaviour:dormant","given":[[1,1]]}]}
OUT
want 0 sh -c '"$CRM" history 1 --limit 5 | sed "s/20[-0-9T:.]*Z  /  /; s/  */ /g"' <<'OUT'
Revision Recorded Actor Action Change
 9 wang tag +Behaviour: Dormant until 2999-01-01T00:00:00Z
 8 wang tag (batch 8) -Value: Low
 +Value: mid
 7 wang tag -Value: High
 +Value: Low
 6 li.na tag +Value: High
 5 li.na tag (batch 5) +Region: cn/east (spring fair)
OUT
want 0 timeless crm history 2 --limit 1 --json <<'OUT'
{"revision":5,"recorded_at":"TIME","action":"tag","customer":2,"batch":5,"actor":"li.na","tags":[{"tag":"region:cn/east","change":"given","origin":"manual","reason":"spring fair"}]}
OUT

# people read labels, in their language; JSON has the keys, and the record too
want 0 sh -c '"$CRM" history 1 --limit 2 --lang zh | sed "s/20[-0-9T:.]*Z  /  /; s/  */ /g"' <<'OUT'
修订号 记录时间 操作人 操作 变更
 9 wang tag +行为: 沉睡 until 2999-01-01T00:00:00Z
 8 wang tag (batch 8) -购买力: 低价值
 +购买力: mid
OUT
want 0 crm tags --lang zh <<'OUT'
标签           客户数  含下级
地域: cn/east       2       2
购买力: mid         1       1
行为: 沉睡          1       1
OUT
crm tags --lang zh-CN | diff - "$W/want" >&2
want 0 crm tags region <<'OUT'
Tag              Customers  With those below
Region: cn/east          2                 2
OUT
want 0 sh -c '"$CRM" tags --of 1 --lang zh | sed "s/20[0-9][0-9]-[-0-9T:.]*Z/TIME/; s/  */ /g"' <<'OUT'
标签 截止时间 授予时间 操作人 方式 原因
地域: cn/east TIME li.na 手工 spring fair
购买力: mid TIME wang 手工
行为: 沉睡 2999-01-01T00:00:00Z TIME wang 手工
OUT
crm get 1 --lang zh | grep -q '^标签 *地域: cn/east, 购买力: mid, 行为: 沉睡 (until 2999' || die "tags of a record"
tags=',"tags":["region:cn/east","value:mid",{"tag":"behaviour:dormant","until":"2999-01-01T00:00:00Z"}]}'
case $(crm get 1 --json) in
*"$tags") ;;
*) die "tags of the document" ;;
esac
crm get 1 --json --at 2 | grep -q tags && die "tags of an earlier revision"
# what a label says can be given
crm tag add '行为: 沉睡' 2 >/dev/null
crm tags --who behaviour:dormant | grep -qx 2 || die "a tag by its labels"
# and the document makes the customer again
crm get 1 --json | sed 's/"name":"Ann"/"name":"Dan"/' | "$CRM" create --file - >/dev/null
crm tags --of 4 --json | grep -q '"tag":"behaviour:dormant","until":"2999-01-01T00:00:00Z"' ||
    die "tags of a document"
# as a Chinese input method types it
crm tag set '兴趣：茶，咖啡、书' 3 >/dev/null
same "$(crm tags --of 3 --json | sed 's/.*"tag":"\([^"]*\)".*/\1/' | tr '\n' ' ')" \
    'interest:书 interest:咖啡 interest:茶 '
crm tag set '购买力：高价值' 3 >/dev/null
crm tags --who value:high | grep -qx 3 || die "a wide colon"

# several customers, and those of a segment, are one entry, which undo takes back
mkdir ../many
cd ../many
crm init >/dev/null
for name in Ann Bob Cid Deb; do crm create name=$name >/dev/null; done
crm delete 4 >/dev/null
want 1 crm tag add interest:tea 2 Ann 4 99 nobody 3 <<'OUT'
tagged 2
tagged 1
tagged 3
OUT
said <<'END'
crm: tag: no customer has nobody (searched: phone, email, wechat, wecom, qq, tax_id, name)
crm: tag: there is no customer 4, or it is deleted
crm: tag: there is no customer 99, or it is deleted
END
want 0 crm tag add interest:coffee 1 <<'OUT'
tagged 1
OUT
want 0 crm tag set interest:coffee,茶 1 2 3 <<'OUT'
tagged 1
tagged 2
tagged 3
OUT
want 0 crm tag set interest:茶,coffee 3 1 --json <<'OUT'
{"id":3,"changed":false}
{"id":1,"changed":false}
OUT
want 0 crm tag remove interest:coffee 1 2 2 <<'OUT'
untagged 1
untagged 2
untagged 2
OUT
want 0 crm tag remove interest:coffee 1 3 <<'OUT'
unchanged 1
untagged 3
OUT
want 0 crm tag add value:low --where all --dry-run <<'OUT'
dry run: would change 3 customers
OUT
want 0 crm tag add value:low --where 'name = Ann or name = Bob' --rule <<'OUT'
changed 2 customers
OUT
want 0 crm tag set 购买力:高价值 --where all --reason review --json <<'OUT'
{"changed":3,"dry_run":false}
OUT
want 0 crm tag remove interest:茶 --where 'name = Ann' <<'OUT'
changed 1 customer
OUT
want 0 crm tag set interest --where all <<'OUT'
changed 2 customers
OUT
crm changes --after 6 | sed 's/.*Z  //; s/^[^ ]*  //' >what
want 0 cat what <<'OUT'
batch 7: +interest:tea (3)
tag customer 1: +interest:coffee
batch 9: -interest:tea (3), +interest:coffee (2), +interest:茶 (3)
batch 10: -interest:coffee (2)
batch 11: -interest:coffee (1)
batch 12: +value:low (2)
batch 13: -value:low (2), +value:high (3)
batch 14: -interest:茶 (1)
batch 15: -interest:茶 (2)
OUT
crm tags --of 1 --json | grep -q '"tag":"value:high",.*,"batch":13,"origin":"manual",.*"reason":"review"' ||
    die "the batch of a tag"
want 0 crm undo 13 --dry-run <<'OUT'
dry run: 0 deleted, 0 put back, 0 events, 5 tags, 0 skipped
OUT
crm undo 13 >/dev/null
want 0 crm tags value --json <<'OUT'
{"tag":"value:low","customers":2,"below":2}
OUT
for odd in "tag set value:high 1 --where all" "tag add value:high" "tag add value:high 1 --dry-run" \
    "tag delete value:low --where all" "tag remove value:low --where all --reason why"; do
    silent 2 crm $odd
done
silent 4 crm tag set nodim:x --where all
silent 4 crm tag set value:high --where 'nothing = 1'
