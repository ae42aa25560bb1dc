# SPDX-License-Identifier: MIT
# Completion for bash: verbs, options, fields of the model.
. "$CLI_TESTS/lib.sh"

command -v bash >/dev/null || exit 0
sed 's/@TOOL@/crm/g' "$CLI_TESTS/../../examples/crm/completion.bash" >completion
crm init >/dev/null
ln -s "$CRM" crm
PATH=$(pwd):$PATH
cat >ask <<'END'
# ask WORD...: what completes the last word
. ./completion
compopt() { :; }
COMP_WORDS=(crm "$@")
COMP_CWORD=$#
_libcrm_tool crm "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
END
want 0 bash ask unde <<'END'
undelete
END
want 0 bash ask un <<'END'
undelete
undo
END
want 0 bash ask -C somewhere c <<'END'
create
changes
check
compact
END
want 0 bash ask create --f <<'END'
--file
END
want 0 bash ask create na <<'END'
name=
END
want 0 bash ask list --fields ph <<'END'
phone
END
for verb in get find set delete; do
    want 0 bash ask $verb 1 na <<'END'
name=
END
done
want 0 bash ask undelete i <<'END'
id=
END
want 0 bash ask create name = n <<'END'

END
want 0 bash ask model show --d <<'END'
--default
--db
END
want 0 bash ask model apply --p <<'END'
--plan
END
for what in check fields events; do
    want 0 bash ask model $what -- <<'END'
--db
--json
--lang
--help
END
done
want 0 bash ask model --actor x app <<'END'
apply
END
want 0 bash ask model a <<'END'
apply
END
want 0 bash ask model e <<'END'
events
END
want 0 bash ask event a <<'END'
add
END
want 0 bash ask event add --at <<'END'
--atomic
END
want 0 bash ask event void 1 --b <<'END'
--batch
END
want 0 bash ask event add 1 kind = ord <<'END'
order
END
want 0 bash ask event add 1 kind = order quant <<'END'
quantity=
END
want 0 bash ask event add 1 kind = visit quant <<'END'

END
want 0 bash ask timeline --kind pay <<'END'
payment
END
want 0 bash ask timeline pho <<'END'
phone=
END
want 0 bash ask history --li <<'END'
--limit
END
want 0 bash ask undo 5 --s <<'END'
--skip
--source
END
want 0 bash ask changes --f <<'END'
--follow
END
want 0 bash ask ver <<'END'
verify
version
END
want 0 bash ask verify --an <<'END'
--anchor
END
want 0 bash ask get 1 --a <<'END'
--at
END
want 0 bash ask help f <<'END'
find
END
want 0 bash ask list --kind p <<'END'
person
END
want 0 bash ask segment f <<'END'
facet
feed
END
want 0 bash ask segment facet all --by ci <<'END'
city
END
want 0 bash ask segment top all --o <<'END'
--order
END
want 0 bash ask list --wh <<'END'
--where
END

# Every verb, and every option that its help names, completes; the man page lists them as they are.
"$CRM" help --json >page.json
"${PYTHON:-python3}" - <<'END' >asked
import json
page = json.load(open("page.json"))
verbs = [v["verb"] for v in page["verbs"]]
common = [o["name"] for o in page["options"] if o["name"] != "--"]
for verb in page["verbs"]:
    print("verb", verb["verb"])
    # forms of a verb that has such: "crm segment top QUERY ..."
    forms = {w.split()[0] for u in verb["usage"] for w in u.replace(page["tool"] + " " + verb["verb"], "").split("|")
             if w.split() and w.split()[0].islower() and w.split()[0].isalpha()}
    names = [o["name"] for o in verb.get("options", [])] + common
    print("options", verb["verb"], ",".join(sorted(forms)) or "-", " ".join(names))
END
while read -r what verb forms names; do
    if [ "$what" = verb ]; then
        bash ask "$verb" | grep -qx -- "$verb" || die "completion lacks the verb $verb"
        continue
    fi
    {
        bash ask "$verb" --
        for form in $(printf '%s' "$forms" | tr ',' ' '); do
            bash ask "$verb" "$form" --
        done
    } >completed
    for name in $names; do
        grep -qx -- "$name" completed || die "completion lacks $verb $name"
    done
done <asked
"${PYTHON:-python3}" "$CLI_TESTS/../../scripts/gen-man.py" "$CRM" --check >&2 || die "the man page is old"
