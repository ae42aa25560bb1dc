# SPDX-License-Identifier: MIT
# segment watch, unwatch, watched, advance and feed.
. "$CLI_TESTS/lib.sh"

printf '%s\n' '{"name":"A","score":800}' '{"name":"B","score":100}' |
    "$CRM" create --file - >/dev/null 2>&1
crm segment save high 'score >= 700' >/dev/null
crm segment save new 'created_at in last 1 day' >/dev/null

want 0 crm segment watch high <<'END'
watched: high, 1 customer
END
want 0 crm segment watch high --json <<'END'
{"name":"high","watched":true,"zone":"UTC","customers":1}
END
want 0 crm segment watch new --zone Asia/Shanghai --json <<'END'
{"name":"new","watched":true,"zone":"Asia/Shanghai","customers":2}
END
want 3 crm segment watch new --zone Europe/Berlin </dev/null
crm set 2 score=900 >/dev/null 2>&1
want 0 sh -c '"$CRM" segment feed high | awk "{ print \$3, \$4, \$5 }"' <<'END'
entered high 1
entered high 2
END
want 0 sh -c '"$CRM" segment watched | awk "{ print \$1, \$2, \$4 }"' <<'END'
Name Customers Zone
high 2 UTC
new 2 Asia/Shanghai
END

# the clock
want 3 crm segment advance --at 2100-01-01 </dev/null
want 0 crm segment advance --force --at 2100-01-01 <<'END'
0 entered, 2 left, up to 2100-01-01T00:00:00Z
END
want 0 crm segment advance --force --at 2100-01-01 --json <<'END'
{"now":"2100-01-01T00:00:00Z","entered":0,"left":0}
END
want 0 sh -c '"$CRM" segment feed new --json | sed "s/.*\"event\"/\"event\"/"' <<'END'
"event":"entered","segment":"new","customer":1}
"event":"entered","segment":"new","customer":2}
"event":"left","segment":"new","customer":1}
"event":"left","segment":"new","customer":2}
END
# a revision is told whole, and the next one from where it ended
want 0 sh -c '"$CRM" segment feed new --limit 1 2>more | wc -l | tr -d " "' <<'END'
2
END
want 0 sh -c '"$CRM" segment feed new --after "$(sed "s/.* //" more)" | wc -l | tr -d " "' <<'END'
2
END

# whoever reads takes a rest: so does the snapshot, and each line comes once all the same
awk 'BEGIN { for (i = 1; i <= 3000; i++) print "{\"name\":\"N" i "\",\"score\":5}" }' |
    "$CRM" create --file - >/dev/null 2>&1
crm segment save low 'score = 5' >/dev/null
crm segment watch low >/dev/null
crm segment feed low | {
    read -r line
    sleep 1
    crm set 1 score=801 >/dev/null
    crm stat --json | grep -o '"oldest_reader_commits":[0-9]*' >readers
    { printf '%s\n' "$line"; cat; } | awk '{ print $5 }' | sort -n | uniq -u | wc -l | tr -d ' ' >lines
}
same "$(cat readers)" '"oldest_reader_commits":0'
same "$(cat lines)" 3000
crm segment unwatch low >/dev/null

# what is wrong
want 2 crm segment feed --at now </dev/null
want 2 crm segment watch </dev/null
want 2 crm segment advance now </dev/null
want 2 crm segment watch high --follow </dev/null
want 1 crm segment watch none </dev/null
want 1 crm segment feed none </dev/null
want 1 crm segment unwatch none </dev/null
want 3 crm segment remove high </dev/null
crm segment save touched 'updated_at in last 1 day' >/dev/null
want 3 crm segment watch touched </dev/null

want 0 crm segment unwatch high <<'END'
watched no more: high
END
want 0 crm segment unwatch new --json <<'END'
{"name":"new","watched":false}
END
want 0 crm segment watched </dev/null
want 0 crm segment advance </dev/null
want 0 crm segment remove high <<'END'
removed high
END
crm verify >/dev/null
crm check >/dev/null
silent 4 crm segment advance --zone Mars
said <<'END'
crm: segment: no time zone Mars
END
