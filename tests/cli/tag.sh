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
grep -q '"tag":"region:cn/east","revision":5,.*"origin":"manual","actor":"li.na","reason":"展会"' of || die "tags of a customer"
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
dry run: 0 deleted, 0 restored, 0 events, 1 tag, 0 skipped
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
5  li.na  tag customer 1: +region:cn/east
6  li.na  tag customer 2: +region:cn/east
7  li.na  tag customer 1: +value:high
8  wang  tag customer 1: -value:high, +value:low
9  wang  batch 9: -value:low (1), +value:mid (1)
10  wang  tag customer 1: +behaviour:dormant
OUT
want 0 timeless crm changes --after 8 --json <<'OUT'
{"revision":9,"recorded_at":"TIME","action":"batch","batch":9,"actor":"wang","created":[],"changed":[],"with_events":[],"tags":[{"tag":"value:low","taken":[[1,1]]},{"tag":"value:mid","given":[[1,1]]}]}
{"revision":10,"recorded_at":"TIME","action":"tag","customer":1,"actor":"wang","tags":[{"tag":"behaviour:dormant","given":[[1,1]]}]}
OUT
want 0 sh -c '"$CRM" history 1 --limit 5 | sed "s/20[-0-9T:.]*Z  /  /; s/  */ /g"' <<'OUT'
Revision Recorded Actor Action Change
 10 wang tag +behaviour:dormant until 2999-01-01T00:00:00Z
 9 wang tag (batch 9) -value:low
 +value:mid
 8 wang tag -value:high
 +value:low
 7 li.na tag +value:high
 5 li.na tag +region:cn/east (spring fair)
OUT
want 0 timeless crm history 2 --limit 1 --json <<'OUT'
{"revision":6,"recorded_at":"TIME","action":"tag","customer":2,"actor":"li.na","tags":[{"tag":"region:cn/east","change":"given","origin":"manual","reason":"spring fair"}]}
OUT
