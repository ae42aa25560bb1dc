# SPDX-License-Identifier: MIT
# Completion of @TOOL@ for bash: verbs, options, and the fields of the database's model.

_libcrm_tool_fields()
{
    # The first column of `model fields`, without its head; nothing when there is no database.
    "$1" ${2:+-C "$2"} model fields 2>/dev/null | while read -r key _; do
        [ "$key" = key ] || printf '%s\n' "$key"
    done
}

_libcrm_tool()
{
    local tool=$1 cur=$2 prev=$3 verb= sub= db= i options common writes
    local verbs='init create get find set delete undelete list stat check model help version'

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -C | --db) db=${COMP_WORDS[++i]} ;;
        --lang | --actor | --source | --zone) ((i++)) ;;
        -*) ;;
        *)
            if [ ! "$verb" ]; then
                verb=${COMP_WORDS[i]}
            elif [ ! "$sub" ] && [ "$i" -lt "$COMP_CWORD" ]; then
                sub=${COMP_WORDS[i]}
            fi
            ;;
        esac
    done
    common='--db --json --lang --help'
    writes='--actor --source --zone'
    COMPREPLY=()
    case $prev in
    -C | --db)
        COMPREPLY=($(compgen -d -- "$cur"))
        return
        ;;
    --file | -f | --model)
        COMPREPLY=($(compgen -f -- "$cur"))
        return
        ;;
    --kind)
        COMPREPLY=($(compgen -W 'person organisation' -- "$cur"))
        return
        ;;
    --lang)
        COMPREPLY=($(compgen -W 'en zh' -- "$cur"))
        return
        ;;
    --fields)
        COMPREPLY=($(compgen -W "id kind deleted revision created_at updated_at
            $(_libcrm_tool_fields "$tool" "$db")" -- "$cur"))
        return
        ;;
    --actor | --source | --zone | --after | --limit | --width | --expect | =) return ;;
    esac
    case $verb in
    '') options=$verbs ;;
    help) options=$verbs ;;
    init) options='--model' ;;
    create) options="--file --upsert --atomic --dry-run $writes" ;;
    get) options='--origins --pretty' ;;
    set) options="--expect --dry-run $writes" ;;
    delete | undelete) options="--expect $writes" ;;
    list) options='--after --limit --kind --deleted --fields --csv --width' ;;
    model)
        case $sub in
        show) options='--default' ;;
        apply) options="--plan --dry-run --force $writes" ;;
        *) options= ;;
        esac
        ;;
    *) options= ;;
    esac
    case $verb:$cur in
    :* | *:-*) COMPREPLY=($(compgen -W "$options $common" -- "$cur")) ;;
    help:*) COMPREPLY=($(compgen -W "$options" -- "$cur")) ;;
    model:*)
        case $sub in
        '') COMPREPLY=($(compgen -W 'show check apply fields' -- "$cur")) ;;
        check | apply) COMPREPLY=($(compgen -f -- "$cur")) ;;
        esac
        ;;
    create:* | get:* | find:* | set:* | delete:*)
        COMPREPLY=($(compgen -S = -W "$(_libcrm_tool_fields "$tool" "$db")" -- "$cur"))
        compopt -o nospace
        ;;
    undelete:*) # by id only: deleted customers are not found
        COMPREPLY=($(compgen -S = -W 'id' -- "$cur"))
        compopt -o nospace
        ;;
    init:*) COMPREPLY=($(compgen -d -- "$cur")) ;;
    esac
}

complete -F _libcrm_tool @TOOL@
