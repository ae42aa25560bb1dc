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
want 0 bash ask un <<'END'
undelete
END
want 0 bash ask -C somewhere c <<'END'
create
check
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
for what in check fields; do
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
want 0 bash ask help f <<'END'
find
END
want 0 bash ask list --kind p <<'END'
person
END
