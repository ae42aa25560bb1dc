# SPDX-License-Identifier: MIT
# act: tags, fields and events for all customers of a segment, as one batch.
. "$CLI_TESTS/lib.sh"

printf '%s\n' '{"name":"张伟","city":"上海","score":800}' '{"name":"Li Na","city":"上海","score":900}' \
    '{"name":"Anna","city":"Berlin","score":640}' | "$CRM" create --file - >/dev/null 2>&1

# a dry run changes nothing
want 0 crm act 'city = 上海' --tag value:high --set score=500 --dry-run <<'END'
dry run: tag value:high: would change 2 of 2 customers
dry run: set: would change 2 of 2 customers
END
want 0 crm segment count 'tag(value:high) or score = 500' <<'END'
0
END

# who is meant does not change on the way
want 0 crm act 'score >= 700' --set score=100 --event kind=call --event direction=out --tag behaviour:called <<'END'
tag behaviour:called: changed 2 of 2 customers
set: changed 2 of 2 customers
event: changed 2 of 2 customers
END
want 0 crm segment count 'tag(behaviour:called) and score = 100 and event(call, direction = out)' <<'END'
2
END

# again: what is so already is not changed
want 0 crm act 'score = 100' --set score=100 --tag behaviour:called --json <<'END'
{"customers":2,"actions":[{"action":"tag","tag":"behaviour:called","changed":0},{"action":"set","changed":0}],"dry_run":false}
END

# tags given by labels are told by their keys
want 0 crm act 'score = 100' --untag '地域:上海' --json --dry-run <<'END'
{"customers":2,"actions":[{"action":"untag","tag":"region:上海","changed":0}],"dry_run":true}
END

# one batch, which undo takes back
batch=$(crm changes --json | sed -n 's/.*"batch":\([0-9]*\).*/\1/p' | sort -n | sed -n 2p)
crm undo "$batch" >/dev/null
want 0 crm segment count 'score >= 700 and not tag(behaviour:called) and not event(call)' <<'END'
2
END

# all or nothing
silent 4 crm act all --tag value:high --set score=many
silent 4 crm act all --tag value:high --event kind=call --event direction=sideways
want 0 crm segment count 'tag(value:high)' <<'END'
0
END
want 0 crm act none --tag value:high <<'END'
tag value:high: changed 0 of 0 customers
END
silent 2 crm act all
silent 2 crm act --tag value:high
silent 2 crm act all --set score=1 --until 2027-01-01
silent 4 crm act 'scroe > 1' --tag value:high

# who they are is saved, and exported as they are after the changes
want 0 crm act 'score >= 700' --save '春 季' --export list.csv --set score=1 --tag value:high --reason mail --dry-run <<'END'
dry run: save 春 季: would have 2 customers
dry run: tag value:high: would change 2 of 2 customers
dry run: set: would change 2 of 2 customers
END
[ ! -e list.csv ] || die "a dry run exports"
silent 1 crm segment show '春 季'
want 0 crm act 'score >= 700' --save '春 季' --export list.csv --set score=1 --tag value:high --reason mail <<'END'
save 春 季: has 2 customers
tag value:high: changed 2 of 2 customers
set: changed 2 of 2 customers
exported 2 rows to list.csv (427 B)
END
grep -c ',1,' list.csv >n || true
same "$(wc -l <list.csv)" 3
crm changes --json | grep -q '"action":"export".*mail' || die "no entry of the export"
want 0 crm segment count 'segment("春 季") and score = 1 and tag(value:high)' <<'END'
2
END
silent 3 crm act all --save '春 季'
silent 3 crm act all --save other --export list.csv --reason again
silent 1 crm segment show other
want 0 crm act all --save '春 季' --replace --json <<'END'
{"customers":3,"actions":[{"action":"save","segment":"春 季","changed":1}],"dry_run":false}
END
silent 2 crm act all --export list.csv --reason x
silent 2 crm act all --save x --export other.csv
silent 2 crm act all --save x --export other.odd --reason x
silent 2 crm act all --tag value:high --replace

# an id of another system replaces what one customer has, not what several have
silent 2 crm act all --set external@shop=E1
grep -q 'external@SOURCE+=VALUE' "$W/err" || die "not told how"
