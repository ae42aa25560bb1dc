# SPDX-License-Identifier: MIT
# get and find: who is meant, labels, origins, JSON, control characters.
. "$CLI_TESTS/lib.sh"

crm create name='Li Na' phone=13800138000 email=li.na@example.com --source web 2>/dev/null >&2
crm create 姓名=张伟 电话=13900139000 电话+=13700137000 生日=1990-05-01 评分=820 备注='第一行
second	line' >/dev/null
crm create kind=organisation name='Shop Ltd' external@erp=10023 external@shop=A-1 >/dev/null
crm set 1 employer=3 phone+=13900139000 >/dev/null

want 0 timeless crm get 2 <<'END'
ID          2
Kind        Person
Name        张伟
Birth date  1990-05-01
Phone       +8613900139000
            +8613700137000
Lifecycle   Lead
Score       820
VIP         false
Notes       第一行\nsecond\tline
Revision    3
Created     TIME
Updated     TIME
END
want 0 timeless crm get 2 --lang zh <<'END'
ID        2
类型      个人
姓名      张伟
出生日期  1990-05-01
电话      +8613900139000
          +8613700137000
生命周期  线索
评分      820
贵宾      false
备注      第一行\nsecond\tline
修订号    3
创建时间  TIME
更新时间  TIME
END
cp "$W/out" zh
LC_ALL=zh_CN.UTF-8 timeless crm get 2 >zh2
diff zh zh2
tight()
{
    timeless "$@" | sed 's/  */ /g'
}
want 0 tight crm get 1 --origins <<'END'
ID 1
Kind Person
Name Li Na web TIME
Phone +8613800138000 web TIME
 +8613900139000 TIME
Email li.na@example.com web TIME
Employer 3 TIME
Lifecycle Lead web TIME
Score 0 web TIME
VIP false web TIME
Revision 5
Created TIME
Updated TIME
END
want 0 timeless crm get 3 --json <<'END'
{"id":3,"kind":"organisation","revision":4,"created_at":"TIME","updated_at":"TIME","name":"Shop Ltd","lifecycle":"lead","score":0,"vip":false,"identities":[{"kind":"external","source":"erp","value":"10023"},{"kind":"external","source":"shop","value":"A-1"}],"tags":[]}
END
want 0 timeless crm get 3 --pretty --origins <<'END'
{
  "id": 3,
  "kind": "organisation",
  "revision": 4,
  "created_at": "TIME",
  "updated_at": "TIME",
  "name": "Shop Ltd",
  "lifecycle": "lead",
  "score": 0,
  "vip": false,
  "identities": [
    {"kind":"external","source":"erp","value":"10023"},
    {"kind":"external","source":"shop","value":"A-1"}
  ],
  "origins": {
    "name": {"at":"TIME"},
    "lifecycle": {"at":"TIME"},
    "score": {"at":"TIME"},
    "vip": {"at":"TIME"},
    "external": [{"at":"TIME"},{"at":"TIME"}]
  },
  "tags": []
}
END

# who is meant
id_of()
{
    crm get "$@" --json | sed 's/^{"id":\([0-9]*\),.*/\1/' | tr '\n' ' '
}
same "$(id_of 3 1)" "3 1 "
same "$(id_of id=2)" "2 "
same "$(id_of 13800138000)" "1 "
same "$(id_of '+86 138 0013 8000')" "1 "
same "$(id_of LI.NA@example.com)" "1 "
same "$(id_of phone=13800138000)" "1 "
same "$(id_of 电话='138 0013 8000')" "1 "
same "$(id_of 13900139000)" "1 2 "
same "$(id_of external@erp=10023)" "3 "
same "$(id_of 外部编号@shop=A-1)" "3 "
same "$(id_of employer=3)" "1 "

# those that are found are printed although others are not
want 1 sh -c '"$CRM" get 1 77 nobody@example.com 2 --json | wc -l; "$CRM" get 77' <<'END'
2
END
silent 1 crm get 77
said <<'END'
crm: get: there is no customer 77
END
silent 1 crm get 77 --json
said <<'END'
{"error":{"code":"CRM_ENOTFOUND","verb":"get","message":"there is no customer 77"}}
END
silent 1 crm get nobody@example.com
said <<'END'
crm: get: no customer has nobody@example.com (searched: phone, email, wechat, wecom, qq, tax_id)
END
silent 1 crm get external@erp=1
silent 4 crm get nothing=5
silent 4 crm get phone=abc
silent 4 crm get score=820
silent 4 crm get external=10023
silent 2 crm get
silent 2 crm get ''
silent 2 crm find ''
said <<'END'
crm: find: there is nothing to search for
Try 'crm find --help'.
END
silent 2 crm find phone=
silent 2 crm get phone+=1
silent 2 crm get id=x
silent 2 crm get 1 --actor me
said <<'END'
crm: get: --actor, --source and --zone are for verbs that write
Try 'crm get --help'.
END

# find: a number is never an id
want 0 crm find 13900139000 <<'END'
1  Li Na
2  张伟
END
want 0 crm find 电话=13900139000 --json <<'END'
{"id":1,"kind":"person","name":"Li Na"}
{"id":2,"kind":"person","name":"张伟"}
END
want 0 crm find employer=3 <<'END'
1  Li Na
END
want 0 crm find external@erp=10023 <<'END'
3  Shop Ltd
END
silent 1 crm find 1
said <<'END'
crm: find: no customer has 1 (searched: phone, email, wechat, wecom, qq, tax_id)
END
silent 1 crm find -- -1
silent 1 crm find employer=2
silent 4 crm find employer=x
silent 4 crm find city=上海
silent 2 crm find
silent 2 crm find 1 2
silent 2 crm find -1

# what could steer a terminal or break a line is shown, not sent
crm create name="$(printf 'a\342\200\256b')" notes="$(printf 'x\ny\tz')" wechat=odd >/dev/null
want 0 crm find wechat=odd <<'END'
4  a\u{202e}b
END
crm get 4 | grep -q '  x\\ny\\tz$'
printf 'customer:\n  \033[31m: 1\n' >odd.yaml
crm model check odd.yaml >findings || true
! grep -q "$(printf '\033')" findings
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    script -qec "'$CRM' get 4 --json" /dev/null </dev/null >tty
    grep -q 'a\\u202eb' tty || die "raw control characters on a terminal"
    TERM=xterm script -qec "'$CRM' list" /dev/null </dev/null >tty
    grep -q "$(printf '\033')" tty
    NO_COLOR=1 TERM=xterm script -qec "'$CRM' list" /dev/null </dev/null >tty
    ! grep -q "$(printf '\033')" tty
fi

# tables have the labels of values and kinds, JSON the keys
crm -C labels create name=Acme kind=组织 lifecycle=active >/dev/null 2>&1
want 0 timeless crm -C labels get 1 --lang zh-CN <<'END'
ID        1
类型      组织
姓名      Acme
生命周期  活跃
评分      0
贵宾      false
修订号    2
创建时间  TIME
更新时间  TIME
END
crm -C labels get 1 --lang zh | grep -q '^类型 *组织$' || die "no label of the kind"
crm -C labels get 1 --lang zh | grep -q '^生命周期 *活跃$' || die "no label of the value"
crm -C labels get 1 --lang zh --json | grep -q '"kind":"organisation".*"lifecycle":"active"' || die "no keys"

# what can't be found says by what it can
silent 1 crm -C labels find 张伟
said <<'END'
crm: find: no customer has 张伟 (searched: phone, email, wechat, wecom, qq, tax_id, name)
END
silent 4 crm -C labels find name=张伟
said <<'END'
crm: find: name: customers can't be found by this field, but by phone, email, employer, external@SOURCE, wechat, wecom, qq, tax_id
END
silent 2 crm get 1 -C
said <<'END'
crm: get: -C needs a value
Try 'crm get --help'.
END
silent 2 crm get 1 --db
said <<'END'
crm: get: --db needs a value
Try 'crm get --help'.
END
silent 2 crm -C
said <<'END'
crm: -C needs a value
Try 'crm --help'.
END
