# SPDX-License-Identifier: MIT
# model: show, check, plan, apply, fields; faults, refusals, force.
. "$CLI_TESTS/lib.sh"

cat >small.yaml <<'END'
crm: 1
name: small
fields:
  name: {type: text, required: true, label: {en: Name, zh: 姓名}}
  colour: {type: text, list: true, label: {en: Favourite colour, zh: 颜色}}
identities:
  card: {type: text, unique: true, label: {en: Card, zh: 会员卡}}
  legacy: {type: text, per: source, label: {en: Old number, zh: 旧编号}}
END
want 0 crm model check small.yaml <<'END'
small.yaml: no fault
END
want 0 crm init --model small.yaml <<'END'
made ./crm.db
END
want 0 crm model show <small.yaml
want 0 crm model fields <<'END'
key     label             type  rules
name    Name              text  required
colour  Favourite colour  text  list
card    Card              text  list, unique, identity
legacy  Old number        text  list, identity, per source
END
want 0 crm model fields --lang zh <<'END'
key     label   type  rules
name    姓名    text  required
colour  颜色    text  list
card    会员卡  text  list, unique, identity
legacy  旧编号  text  list, identity, per source
END
want 0 crm model fields --json <<'END'
{"key":"name","type":"text","required":true,"list":false,"unique":false,"identity":false,"per_source":false,"label":"Name"}
{"key":"colour","type":"text","required":false,"list":true,"unique":false,"identity":false,"per_source":false,"label":"Favourite colour"}
{"key":"card","type":"text","required":false,"list":true,"unique":true,"identity":true,"per_source":false,"label":"Card"}
{"key":"legacy","type":"text","required":false,"list":true,"unique":false,"identity":true,"per_source":true,"label":"Old number"}
END
crm create 姓名=Ann 颜色=red 颜色+=blue 会员卡=77 >/dev/null
crm create 姓名=Bob 颜色=red >/dev/null
want 0 crm list <<'END'
ID  Name
 1  Ann
 2  Bob
END
want 0 crm find 77 <<'END'
1  Ann
END

# an addition
sed '/colour/i\  size: {type: integer, label: {en: Size, zh: 尺码}}' small.yaml >more.yaml
want 0 crm model apply more.yaml --plan <<'END'
more.yaml:5:3: change: size: is added
1 change, nothing would be lost
END
want 0 crm model apply more.yaml --dry-run <<'END'
more.yaml:5:3: change: size: is added
dry run: it would be version 2
END
want 0 crm model show <small.yaml
want 0 sh -c '"$CRM" model apply --json - <more.yaml' <<'END'
{"severity":"change","line":5,"column":3,"message":"size: is added"}
{"version":2,"changed":true,"dry_run":false}
END
want 0 crm model apply more.yaml <<'END'
nothing to change: version 2
END
want 0 crm model apply more.yaml --plan <<'END'
nothing would change
END
want 0 crm model show <more.yaml
want 0 crm set 1 尺码=44 <<'END'
revision 5
END
crm set 2 size=38 >/dev/null

# what loses data needs --force
want 3 crm model apply small.yaml <<'END'
small.yaml: loss: size: is removed; this affects 2 stored values
END
said <<'END'
crm: model: size: is removed, which affects 2 stored values or customers
crm: model: nothing was changed; 'model apply --force' goes on nevertheless
END
want 3 crm model apply small.yaml --plan --json <<'END'
{"severity":"loss","values":2,"message":"size: is removed; this affects 2 stored values"}
{"changes":1,"refused":true}
END
said </dev/null
want 3 crm model apply small.yaml --plan <<'END'
small.yaml: loss: size: is removed; this affects 2 stored values
data would be lost: 'model apply' needs --force
END
said </dev/null
want 0 crm model apply more.yaml --plan --json <<'END'
{"changes":0,"refused":false}
END
want 0 crm model apply small.yaml --force <<'END'
small.yaml: loss: size: is removed; this affects 2 stored values
version 3
END
silent 4 crm set 1 尺码=45

# faults
sed 's/type: integer/type: integr/; s/zh: 颜色/zh: 姓名/' more.yaml >bad.yaml
want 1 crm model check bad.yaml <<'END'
bad.yaml:5:16: error: field "size": unknown type "integr", did you mean "integer"?
bad.yaml:6:70: error: label "姓名" of "colour" is also a name of "name" (line 4)
bad.yaml: 2 faults
END
want 1 crm model check bad.yaml --json <<'END'
{"severity":"error","line":5,"column":16,"message":"field \"size\": unknown type \"integr\", did you mean \"integer\"?"}
{"severity":"error","line":6,"column":70,"message":"label \"姓名\" of \"colour\" is also a name of \"name\" (line 4)"}
{"faults":2}
END
want 4 crm model apply bad.yaml <<'END'
bad.yaml:5:16: error: field "size": unknown type "integr", did you mean "integer"?
bad.yaml:6:70: error: label "姓名" of "colour" is also a name of "name" (line 4)
END
said <<'END'
crm: model: bad.yaml has 2 faults: nothing was changed
END
silent 4 crm init other.db --model bad.yaml
said <<'END'
crm: init: bad.yaml:5:16: field "size": unknown type "integr", did you mean "integer"?
crm: init: bad.yaml:6:70: label "姓名" of "colour" is also a name of "name" (line 4)
END
[ ! -e other.db ]
silent 5 crm model check missing.yaml
said <<'END'
crm: model: can't read missing.yaml: No such file or directory
END
head -c 1100000 /dev/zero | tr '\0' '#' >huge.yaml
silent 4 crm model check huge.yaml

# the built-in model passes its own check, and needs no database
mkdir elsewhere
cd elsewhere
crm model show --default >default.yaml
want 0 crm model check default.yaml <<'END'
default.yaml: no fault
END
want 5 crm model show </dev/null
want 5 crm model apply default.yaml --plan </dev/null
want 5 crm model apply default.yaml --dry-run </dev/null
[ ! -e crm.db ]
want 0 crm model apply default.yaml <<'END'
nothing to change: version 1
END
crm model show | diff default.yaml -
cd ..

want 1 crm model check - <<'END'
standard input:1:1: error: the document is empty; it begins with "crm: 1"
standard input: 1 fault
END

# a document in another encoding
printf 'crm: 1\nname: \325\305\n' >gbk.yaml
want 1 crm model check gbk.yaml <<'END'
gbk.yaml:2:7: error: the document is not UTF-8: faulty byte 0xD5
gbk.yaml: 1 fault
END
said <<'END'
crm: model: gbk.yaml is not UTF-8: convert it first, e.g. iconv -f GBK -t UTF-8
END

silent 2 crm model
silent 2 crm model frob
silent 2 crm model show small.yaml
silent 2 crm model check
silent 2 crm model apply a b
silent 2 crm model check small.yaml --force
silent 2 crm model apply small.yaml --default
silent 2 crm model apply small.yaml --plan --force
