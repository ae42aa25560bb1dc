# SPDX-License-Identifier: MIT
# list: alignment of wide characters, cutting, columns, resuming, CSV, JSON Lines, closed pipes.
. "$CLI_TESTS/lib.sh"

printf '%s\n' '{"name":"张伟","phone":"13800138000","city":"上海"}' \
    '{"name":"Li Na","phone":["13900139000","13700137000"],"email":"li.na@example.com"}' \
    '{"name":"Ölaf é","city":"Köln"}' \
    '{"kind":"organisation","name":"한국 회사 ｶﾞ","external":[{"source":"erp","value":"a;b"}]}' \
    '{"name":"Quote \"Q\", Inc.","notes":"two\nlines"}' \
    '{"name":"长长长长长长长长长长长长长长长长长长长长长长长长长长","city":"x"}' |
    "$CRM" create --file - >/dev/null 2>&1

want 0 crm list <<'END'
ID  Name                                     Phone                           Email              City
 1  张伟                                     +8613800138000                                     上海
 2  Li Na                                    +8613900139000, +8613700137000  li.na@example.com
 3  Ölaf é                                                                                      Köln
 4  한국 회사 ｶﾞ
 5  Quote "Q", Inc.
 6  长长长长长长长长长长长长长长长长长长长…                                                     x
END
LC_ALL=zh_CN.UTF-8 want 0 crm list --limit 2 --fields 姓名,id,city <<'END'
姓名   ID  城市
张伟    1  上海
Li Na   2
END
said <<'END'
crm: list: 还有更多:--after 2
END
want 0 crm list --width 50 <<'END'
ID  Name          Phone         Email         City
 1  张伟          +8613800138…                上海
 2  Li Na         +8613900139…  li.na@examp…
 3  Ölaf é                                    Köln
 4  한국 회사 ｶﾞ
 5  Quote "Q", …
 6  长长长长长…                               x
END
want 0 crm list --width 0 --after 5 --fields name,city <<'END'
Name                                                  City
长长长长长长长长长长长长长长长长长长长长长长长长长长  x
END

# resuming
want 0 crm list --limit 3 --json --fields id <<'END'
{"id":1}
{"id":2}
{"id":3}
END
said <<'END'
{"resume":{"after":3}}
END
want 0 crm list --after 3 --limit 3 --json --fields id,name,external,kind <<'END'
{"id":4,"name":"한국 회사 ｶﾞ","external":[{"source":"erp","value":"a;b"}],"kind":"organisation"}
{"id":5,"name":"Quote \"Q\", Inc.","kind":"person"}
{"id":6,"name":"长长长长长长长长长长长长长长长长长长长长长长长长长长","kind":"person"}
END
said </dev/null
want 0 crm list --after 6 <<'END'
ID  Name  Phone  Email  City
END
want 0 timeless crm list --after 3 --limit 1 --json <<'END'
{"id":4,"kind":"organisation","revision":2,"created_at":"TIME","updated_at":"TIME","name":"한국 회사 ｶﾞ","lifecycle":"lead","score":0,"vip":false,"identities":[{"kind":"external","source":"erp","value":"a;b"}]}
END

# kinds
want 0 crm list --kind organisation --fields id <<'END'
ID
 4
END
want 0 crm list --kind 个人 --fields id --limit 1 <<'END'
ID
 1
END
silent 4 crm list --kind robot --json
for how in --width=0 --csv; do
    silent 4 crm list --kind robot $how
    said <<'END'
crm: list: kind: is neither "person" nor "organisation"
END
done
silent 2 crm list --kind ''
silent 2 crm list --limit 0
said <<'END'
crm: list: --limit needs a number from 1
Try 'crm list --help'.
END
silent 2 crm list --fields id --fields name
silent 2 crm list --lang chinese
said <<'END'
crm: list: --lang needs a language such as en or zh, not 'chinese'
Try 'crm list --help'.
END
for lang in zh zh-CN zh_CN ZH; do
    want 0 crm list --lang $lang --limit 1 --fields 类型,ID,KIND,name <<'END'
类型  ID  类型  姓名
个人   1  个人  张伟
END
done
want 0 crm list --limit 1 --fields '类型,Id,修订号' --csv <<END
kind,id,revision$(printf '\r')
person,1,2$(printf '\r')
END

# CSV
crm list --csv --fields id,name,phone,notes,revision | sed 's/\r$/|/' >csv
cat >want.csv <<'END'
id,name,phone,notes,revision|
1,张伟,+8613800138000,,2|
2,Li Na,+8613900139000;+8613700137000,,2|
3,Ölaf é,,,2|
4,한국 회사 ｶﾞ,,,2|
5,"Quote ""Q"", Inc.",,"two
lines",2|
6,长长长长长长长长长长长长长长长长长长长长长长长长长长,,,2|
END
diff want.csv csv

# what it reads back is what it wrote
crm list --json | crm -C copy create --file - >/dev/null 2>&1
crm list --json --fields name,phone,email,city,external,kind,notes >a
crm -C copy list --json --fields name,phone,email,city,external,kind,notes >b
diff a b

# a reader that has enough ends the list without a word; a full disk does not go unnoticed
awk 'BEGIN { for (i = 1; i <= 3000; i++)
    printf "{\"name\":\"Somebody with a rather long name, so that pipes fill up, %d\"}\n", i }' |
    "$CRM" create --file - >/dev/null
for how in '' --json --csv; do
    want 0 sh -c "{ '$CRM' list $how || echo \$? >status; } | head -n 1 >/dev/null" </dev/null
    said </dev/null
    same "$(cat status)" 141
done
# a reader that takes a rest (a pager) does not hold a snapshot, and gets the whole list in the end
mkfifo slow
"$CRM" list --json >slow &
exec 3<slow
read -r first <&3
readers=2
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ "$readers" -ne 1 ] || break
    sleep 0.2
    readers=$(crm stat --json | sed 's/.*"readers":\([0-9]*\).*/\1/')
done
same "$readers" 1
crm delete 3000 >/dev/null
same "$(wc -l <&3 | tr -d ' ')" 3004
exec 3<&-
wait

silent 5 sh -c '"$CRM" list >/dev/full'
said <<'END'
crm: list: can't write to standard output: No space left on device
END
silent 5 sh -c '"$CRM" list >&-'
said <<'END'
crm: list: can't write to standard output: Bad file descriptor
END
silent 5 sh -c '"$CRM" create name=x >&-'
said <<'END'
crm: create: can't write to standard output: Bad file descriptor
END
crm check >/dev/null # the output did not go into the database instead

silent 4 crm list --fields id,nmae
said <<'END'
crm: list: "nmae" is no field of the model; did you mean "name"?
END
silent 2 crm list --fields id,,name
silent 2 crm list --fields ''
silent 2 crm list 5
silent 2 crm list --csv --json
silent 2 crm list --limit many
said <<'END'
crm: list: --limit needs a number, not 'many'
Try 'crm list --help'.
END

# labels of values in tables, keys elsewhere
crm -C labels create name=Acme kind=公司 lifecycle=活跃 >/dev/null 2>&1
want 0 crm -C labels list --fields id,kind,lifecycle --lang zh <<'END'
ID  类型  生命周期
 1  组织  活跃
END
want 0 crm -C labels list --fields id,kind,lifecycle --lang zh --json <<'END'
{"id":1,"kind":"organisation","lifecycle":"active"}
END
crm -C labels list --fields id,kind,lifecycle --lang zh --csv | tr -d '\r' >csv
same "$(tail -n 1 csv)" 1,organisation,active
