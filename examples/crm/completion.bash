# SPDX-License-Identifier: MIT
# Completion of @TOOL@ for bash: verbs, options, and the fields of the database's model.

_libcrm_tool_fields()
{
    # The first column of `model fields`, without its head; nothing when there is no database.
    "$1" ${2:+-C "$2"} model fields 2>/dev/null | while read -r key _; do
        [ "$key" = key ] || printf '%s\n' "$key"
    done
}

# Kinds of events; with a word of the command line that names one, its attributes.
_libcrm_tool_events()
{
    "$1" ${2:+-C "$2"} model events 2>/dev/null | while read -r kind attribute _; do
        if [ ! "$3" ]; then
            [ "$kind" = kind ] || printf '%s\n' "$kind"
        elif [ "$3" = "$kind" ] && [ "$attribute" != - ]; then
            printf '%s\n' "$attribute"
        fi
    done | sort -u
}

_libcrm_tool()
{
    local tool=$1 cur=$2 prev=$3 verb= sub= db= kind= i options common writes asked
    local verbs='init create get find set delete undelete list segment numbers act tag tags event timeline history undo changes'
    verbs+=' head verify stat check backup restore compact trim export import dump load model help version'

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -C | --db) db=${COMP_WORDS[++i]} ;;
        kind=*) kind=${COMP_WORDS[i]#kind=} ;;
        kind)
            # the '=' is a word of its own
            [ "${COMP_WORDS[i + 1]-}" != = ] || kind=${COMP_WORDS[i + 2]-}
            ;;
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
    asked='--reason --purpose --channel --zone'
    COMPREPLY=()
    case $prev in
    -C | --db)
        COMPREPLY=($(compgen -d -- "$cur"))
        return
        ;;
    --file | -f | --model | --anchor | --errors | --mapping)
        COMPREPLY=($(compgen -f -- "$cur"))
        return
        ;;
    --kind)
        options='person organisation'
        [ "$verb" != timeline ] || options=$(_libcrm_tool_events "$tool" "$db")
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
        return
        ;;
    --policy)
        COMPREPLY=($(compgen -W 'upsert create update skip' -- "$cur"))
        return
        ;;
    --format)
        options='csv xlsx vcard jsonl'
        [ "$verb" != export ] || options='csv jsonl vcard'
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
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
    --by)
        COMPREPLY=($(compgen -W "tags $(_libcrm_tool_fields "$tool" "$db")" -- "$cur"))
        return
        ;;
    --order)
        COMPREPLY=($(compgen -W "id created_at updated_at $(_libcrm_tool_fields "$tool" "$db")" -- "$cur"))
        return
        ;;
    --reason | --purpose) return ;;
    --where | --channel | --window | --of | --with | --seed) return ;;
    --actor | --source | --zone | --after | --limit | --width | --expect | --at | --from | --until | --before | --keep | \
        --encoding | --separator | --sheet | --commit-rows | \
        --reference) return ;;
    =)
        [ "$verb:${COMP_WORDS[COMP_CWORD - 2]-}" != event:kind ] ||
            COMPREPLY=($(compgen -W "$(_libcrm_tool_events "$tool" "$db")" -- "$cur"))
        return
        ;;
    esac
    case $verb in
    '') options=$verbs ;;
    help) options=$verbs ;;
    init) options="--model $writes" ;;
    create) options="--file --upsert --atomic --batch --dry-run --errors --resume $writes" ;;
    get) options='--at --origins --pretty' ;;
    set) options="--expect --batch --dry-run $writes" ;;
    delete | undelete) options="--expect --batch $writes" ;;
    event)
        case $sub in
        add) options="--file --reference --atomic --batch --dry-run --errors --resume $writes" ;;
        void) options="--batch $writes" ;;
        *) options= ;;
        esac
        ;;
    timeline) options='--kind --from --until --oldest --all --limit --after --width --totals --zone' ;;
    history) options='--limit --width' ;;
    undo) options="--skip --dry-run $writes" ;;
    changes) options='--after --follow --limit' ;;
    verify) options='--anchor' ;;
    check) options='--repair --actor' ;;
    export)
        options='--where --reason --purpose --channel --zone --format --events --journal --fields --kind --with-events'
        options+=' --with-origins --labels --separator --excel --bom --force --no-journal --actor'
        ;;
    import)
        options='--events --policy --dry-run --atomic --errors --mapping --show-mapping --rename --kind --format'
        options+=" --encoding --separator --sheet --resume --of --commit-rows --stats $writes"
        ;;
    trim) options="--before --keep --dry-run $writes" ;;
    backup) options='--gzip --force --reason --no-journal --actor' ;;
    dump) options='--gzip --force --reason --no-journal --actor' ;;
    list) options='--where --order --zone --after --limit --kind --deleted --fields --csv --width --reason --purpose --channel' ;;
    tag) options="--until --reason --rule --where --dry-run --batch $writes" ;;
    tags) options='--of --who --all' ;;
    segment)
        case $sub in
        run | top) options="--order --limit --after --fields --csv --width $asked" ;;
        facet) options="--by --limit $asked" ;;
        sample) options="--seed --fields --csv --width $asked" ;;
        tag) options="--until --reason --batch --dry-run $writes" ;;
        untag) options="--batch --dry-run $writes" ;;
        watch | unwatch) options='--actor --zone' ;;
        advance) options='--at --actor --zone' ;;
        feed) options='--after --follow --limit' ;;
        export)
            options='--reason --purpose --channel --zone --format --events --fields --kind --with-events'
            options+=' --with-origins --labels --separator --excel --bom --force --actor'
            ;;
        save) options="--replace --static --dry-run $writes" ;;
        remove) options=$writes ;;
        sum | histogram | group) options="--window --csv $asked" ;;
        diff) options="--at --with --csv $asked" ;;
        count | explain | why) options=$asked ;;
        *) options='--zone' ;;
        esac
        ;;
    act) options="--tag --untag --set --event --save --replace --export --reference --until --reason --batch --dry-run $writes" ;;
    numbers) options="--of --csv --svg --force $asked" ;;
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
        '') COMPREPLY=($(compgen -W 'show check apply fields events' -- "$cur")) ;;
        check | apply) COMPREPLY=($(compgen -f -- "$cur")) ;;
        esac
        ;;
    tag:*)
        case $sub in
        '') COMPREPLY=($(compgen -W 'add remove set rename merge delete' -- "$cur")) ;;
        esac
        ;;
    segment:*)
        case $sub in
        '') COMPREPLY=($(compgen -W 'count run top facet sum histogram group sample explain why check diff tag untag export save list show remove watch unwatch watched advance feed' -- "$cur")) ;;
        esac
        ;;
    event:*)
        case $sub in
        '') COMPREPLY=($(compgen -W 'add void' -- "$cur")) ;;
        add)
            COMPREPLY=($(compgen -S = -W "kind time voids ${kind:+$(_libcrm_tool_events "$tool" "$db" "$kind")}
                $(_libcrm_tool_fields "$tool" "$db")" -- "$cur"))
            compopt -o nospace
            ;;
        esac
        ;;
    create:* | get:* | find:* | set:* | delete:* | timeline:* | history:*)
        COMPREPLY=($(compgen -S = -W "$(_libcrm_tool_fields "$tool" "$db")" -- "$cur"))
        compopt -o nospace
        ;;
    undelete:*) # by id only: deleted customers are not found
        COMPREPLY=($(compgen -S = -W 'id' -- "$cur"))
        compopt -o nospace
        ;;
    init:*) COMPREPLY=($(compgen -d -- "$cur")) ;;
    import:* | backup:* | restore:* | dump:* | load:*) COMPREPLY=($(compgen -f -- "$cur")) ;;
    esac
}

complete -F _libcrm_tool @TOOL@
