# SPDX-License-Identifier: MIT
# changes: every kind of change, pages, and following across processes.
. "$CLI_TESTS/lib.sh"

CRM_ACTOR=li.na
export CRM_ACTOR
crm create name=Ann phone=13800138000 --source web >/dev/null 2>&1
crm set 1 city=上海 vip=yes >/dev/null
crm event add 1 kind=visit >/dev/null
crm event void 1 1 >/dev/null
crm delete 1 >/dev/null
crm undelete 1 >/dev/null
printf '{"name":"a"}\n{"name":"b"}\n' | "$CRM" create --file - --batch=fair >/dev/null 2>&1
crm undo 8 >/dev/null
want 0 timeless crm changes <<'END'
1  TIME  li.na  model version 1
2  TIME  li.na  create customer 1: name, phone, lifecycle, score, vip
3  TIME  li.na  update customer 1: city, vip
4  TIME  li.na  event customer 1
5  TIME  li.na  void customer 1
6  TIME  li.na  delete customer 1
7  TIME  li.na  undelete customer 1
8  TIME  li.na  batch 8: 2 created
9  TIME  li.na  undo 8 (batch 9): 2 changed
END
want 0 timeless crm changes --json <<'END'
{"revision":1,"recorded_at":"TIME","action":"model","version":1,"actor":"li.na"}
{"revision":2,"recorded_at":"TIME","action":"create","customer":1,"actor":"li.na","source":"web","fields":["name","phone","lifecycle","score","vip"]}
{"revision":3,"recorded_at":"TIME","action":"update","customer":1,"actor":"li.na","fields":["city","vip"]}
{"revision":4,"recorded_at":"TIME","action":"event","customer":1,"actor":"li.na"}
{"revision":5,"recorded_at":"TIME","action":"void","customer":1,"actor":"li.na"}
{"revision":6,"recorded_at":"TIME","action":"delete","customer":1,"actor":"li.na"}
{"revision":7,"recorded_at":"TIME","action":"undelete","customer":1,"actor":"li.na"}
{"revision":8,"recorded_at":"TIME","action":"batch","batch":8,"actor":"li.na","created":[[2,3]],"changed":[],"with_events":[]}
{"revision":9,"recorded_at":"TIME","action":"undo","undone":8,"batch":9,"actor":"li.na","created":[],"changed":[[2,3]],"with_events":[]}
END
want 0 timeless crm changes --after 6 --limit 2 <<'END'
7  TIME  li.na  undelete customer 1
8  TIME  li.na  batch 8: 2 created
END
said <<'END'
crm: changes: more with --after 8
END
want 0 timeless crm changes --after 7 --limit 1 --json <<'END'
{"revision":8,"recorded_at":"TIME","action":"batch","batch":8,"actor":"li.na","created":[[2,3]],"changed":[],"with_events":[]}
END
said <<'END'
{"resume":{"after":8}}
END
silent 0 crm changes --after 9
silent 0 crm changes --after 999
silent 2 crm changes --limit 0
said <<'END'
crm: changes: --limit needs a number from 1
Try 'crm changes --help'.
END
silent 2 crm changes 5
said <<'END'
crm: changes: takes no argument
Try 'crm changes --help'.
END
silent 2 crm changes --folow
said <<'END'
crm: changes: no such option: --folow; did you mean "--follow"?
Try 'crm changes --help'.
END
silent 2 crm changes --after x
said <<'END'
crm: changes: --after needs a number, not 'x'
Try 'crm changes --help'.
END
silent 5 crm -C nowhere changes --follow
said <<'END'
crm: changes: there is no database at nowhere ('crm init' makes one, -C names another)
END

# following: what is there, what comes, each as it comes, until the limit
crm changes --after 8 --follow --limit 2 >seen &
follower=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.1
    grep -q '^9 ' seen && break
done
crm set 1 city=Rome >/dev/null
wait $follower
same "$(sed 's/ .*//' seen | tr '\n' ' ')" "9 10 "

# Ctrl-C ends it cleanly, while it waits, and so does a reader that goes away
stop()
{
    {
        code=0
        sh -c 'echo $$ >pid; exec env --default-signal=INT "$CRM" changes --follow --after 9 --json' || code=$?
        echo "$code" >code
    } | {
        read -r line
        printf '%s\n' "$line" | sed 's/,.*//'
        kill -s "$1" "$(cat pid)"
        cat
    }
    return "$(cat code)"
}
want 0 stop INT <<'END'
{"revision":10
END
want 0 stop TERM <<'END'
{"revision":10
END
leave()
{
    {
        code=0
        timeout 20 "$CRM" changes --follow --after 9 || code=$?
        echo "$code" >code
    } | sed 's/ .*//; q'
    while [ ! -s code ]; do sleep 0.05; done
    return "$(cat code)"
}
rm code
want 0 leave <<'END'
10
END
