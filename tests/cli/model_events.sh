# SPDX-License-Identifier: MIT
# model events: kinds and attributes of events, in labels of a language, also kinds without attributes.
. "$CLI_TESTS/lib.sh"

cat >kinds.yaml <<'END'
crm: 1
fields:
  name: {type: text}
events:
  tasting:
    label: {en: Tasting, zh: 品茶}
    attributes:
      tea: {type: enum, required: true, values: {green: {zh: 绿茶}, black: {zh: 红茶}}, label: {en: Tea, zh: 茶}}
      cups: {type: integer, min: 1, fast: true}
  walk: {}
END
crm init --model kinds.yaml >/dev/null
crm create name=Ann >/dev/null
want 0 crm model events <<'END'
kind     attribute  label    type     rules
tasting  -          Tasting
tasting  tea        Tea      enum     required
tasting  cups       cups     integer
walk     -          walk
END
want 0 crm model events --lang zh <<'END'
kind     attribute  label  type     rules
tasting  -          品茶
tasting  tea        茶     enum     required
tasting  cups       cups   integer
walk     -          walk
END
want 0 crm model events --json <<'END'
{"kind":"tasting","label":"Tasting"}
{"kind":"tasting","key":"tea","type":"enum","required":true,"list":false,"unique":false,"identity":false,"per_source":false,"label":"Tea"}
{"kind":"tasting","key":"cups","type":"integer","required":false,"list":false,"unique":false,"identity":false,"per_source":false,"label":"cups"}
{"kind":"walk","label":"walk"}
END
want 0 crm event add 1 类型=品茶 茶=绿茶 cups=2 time=2026-01-01 <<'END'
1
END
silent 4 crm event add 1 kind=tasting
said <<'END'
crm: event: tea: is required
END
silent 4 crm event add 1 kind=tasting tea=white
said <<'END'
crm: event: tea: is not one of the values, expected green, black
END
silent 4 crm event add 1 kind=walk cups=1
said <<'END'
crm: event: "cups" is no attribute of walk
END
want 0 crm event add 1 kind=walk time=2026-01-02 <<'END'
2
END
want 0 crm timeline 1 --lang zh <<'END'
编号  修订号  时间                  类型  来源  单号  内容
   2       4  2026-01-02T00:00:00Z  walk
   1       3  2026-01-01T00:00:00Z  品茶              茶: 绿茶, cups: 2
END
silent 2 crm model event
said <<'END'
crm: model: needs show, check FILE, apply FILE, fields or events
Try 'crm model --help'.
END
