# SPDX-License-Identifier: MIT
# create from JSON Lines: bad lines, odd files, upsert, all or nothing, dry run, interruption.
. "$CLI_TESTS/lib.sh"

# a byte order mark, CRLF, blank lines, labels, no newline at the end
printf '\357\273\277{"name":"Ann"}\r\n\r\n   \n{"姓名":"张伟","电话":["138 0013 8000"]}\n{"name":"Last"}' >good
want 0 crm create --file good <<'END'
3 created, 0 bad
END
want 0 crm list --fields id,name,phone <<'END'
ID  Name  Phone
 1  Ann
 2  张伟  +8613800138000
 3  Last
END

# line numbers of bad lines are right, and each fault of a line is told
{
    printf '{"name":"ok 1"}\n\n{"name":\n'
    printf '{"name":"NUL\000"}\n'
    printf '{"name":"two faults","score":5000,"email":"x"}\n'
    printf '{"name":"bad UTF-8 \377"}\n'
    head -c 17825792 /dev/zero | tr '\0' x
    printf '\n[1]\n{"name":"ok 2"}\n{"name":"field","nme":1}\n{}\n'
} >bad
cat >faults <<'END'
crm: create: bad:3: JSON
crm: create: bad:4: the line has a NUL byte (byte 13)
crm: create: bad:5: score: is above 1000
crm: create: bad:5: email: has no "@", expected an e-mail address such as name@example.com
crm: create: bad:6: JSON
crm: create: bad is not UTF-8: convert it first, e.g. iconv -f GBK -t UTF-8
crm: create: bad:7: the line is longer than 16 MiB
crm: create: bad:8: JSON
crm: create: bad:10: "nme" is no field of the model; did you mean "name"?
crm: create: bad:11: name: is required
END
want 1 crm create --file bad <<'END'
2 created, 8 bad
END
sed -i 's/: JSON: .*/: JSON/' "$W/err"
said <faults
want 1 sh -c '"$CRM" create --file - <bad' <<'END'
2 created, 8 bad
END
sed -i 's/: JSON: .*/: JSON/; s/ standard input/ bad/' "$W/err"
said <faults
want 1 crm create --file bad --json <<'END'
{"created":2,"updated":0,"unchanged":0,"bad":8,"last_line":11,"interrupted":false,"dry_run":false}
END
grep '"line":5' "$W/err" >json || true
cp json "$W/err"
said <<'END'
{"error":{"code":"CRM_EVALUE","verb":"create","file":"bad","line":5,"field":"score","message":"score: is above 1000"}}
{"error":{"code":"CRM_EVALUE","verb":"create","file":"bad","line":5,"field":"email","message":"email: has no \"@\", expected an e-mail address such as name@example.com"}}
END

# all or nothing
before=$(crm stat --json | sed 's/.*"customers":\([0-9]*\).*/\1/')
want 1 crm create --file bad --atomic <<'END'
0 created, 8 bad
END
tail -n 1 "$W/err" >last
cp last "$W/err"
said <<'END'
crm: create: nothing was written, because of the bad lines
END
want 1 crm create --file bad --dry-run <<'END'
dry run: 2 created, 8 bad
END
want 0 crm create --file good --atomic --dry-run <<'END'
dry run: 3 created, 0 bad
END
same "$(crm stat --json | sed 's/.*"customers":\([0-9]*\).*/\1/')" "$before"
want 0 crm create --file good --atomic <<'END'
3 created, 0 bad
END

# upsert: created, changed and unchanged are told apart; the second run changes nothing
printf '{"name":"Eve","external":[{"source":"erp","value":"%s"}]}\n' 1 2 3 >erp
want 0 crm create --file erp --upsert <<'END'
3 created, 0 updated, 0 unchanged, 0 bad
END
want 0 crm create --file erp --upsert <<'END'
0 created, 0 updated, 3 unchanged, 0 bad
END
sed 's/Eve/Eva/' erp | sed 1d >erp2
want 0 crm create --file erp2 --upsert --json <<'END'
{"created":0,"updated":2,"unchanged":0,"bad":0,"last_line":2,"interrupted":false,"dry_run":false}
END
want 1 crm create --file erp2 <<'END'
0 created, 2 bad
END
printf '{"name":"no identity"}\n' >none
want 1 crm create --file none --upsert <<'END'
0 created, 0 updated, 0 unchanged, 1 bad
END

# more lines than one transaction takes; duplicates within the file are seen by a dry run as well
awk 'BEGIN { for (i = 1; i <= 10050; i++)
    printf "{\"name\":\"N\",\"external\":[{\"source\":\"many\",\"value\":\"%d\"}]}\n", i }' >many
printf '{"name":"N","external":[{"source":"many","value":"1"}]}\n' >>many
want 1 crm create --file many --dry-run <<'END'
dry run: 10,050 created, 1 bad
END
want 1 crm create --file many <<'END'
10,050 created, 1 bad
END

# an input that pauses is written as it comes, and does not hold up others
mkfifo pipe
(
    printf '{"name":"early"}\n'
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        sleep 0.2
        [ ! -e seen ] || break
    done
    printf '{"name":"late"}\n'
) >pipe &
"$CRM" create --file - <pipe >piped &
loader=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    sleep 0.1
    crm list --json | grep -q early && break
done
want 0 crm create name=between --json <<'END'
{"id":10067,"created":true,"changed":true,"dry_run":false}
END
touch seen
wait $loader
same "$(cat piped)" "2 created, 0 bad"

# Ctrl-C stops after the transaction in work
want 130 sh -c '(printf "{\"name\":\"one\"}\n"; sleep 2) |
    timeout --preserve-status -s INT 1 "$CRM" create --file -' <<'END'
1 created, 0 bad
END
said <<'END'
crm: create: interrupted after line 1
END
want 130 sh -c '(printf "{\"name\":\"one\"}\n"; sleep 2) |
    timeout --preserve-status -s TERM 1 "$CRM" create --file - --atomic --json' <<'END'
{"created":0,"updated":0,"unchanged":0,"bad":0,"last_line":1,"interrupted":true,"dry_run":false}
END

silent 5 crm create --file missing
said <<'END'
crm: create: can't read missing: No such file or directory
END
: >empty
want 0 crm create --file empty <<'END'
0 created, 0 bad
END
want 5 crm create --file . <<'END'
0 created, 0 bad
END
said <<'END'
crm: create: can't read .: Is a directory
END

# what is no JSON Lines at all is told once, and makes nothing
refuse()
{
    silent 4 crm -C fresh create --file "$1"
    said
    silent 4 sh -c "'$CRM' -C fresh create -f - <$1"
    [ ! -e fresh ]
}
printf '\357\273\277\n [{"name":"a"}]\n' >array
refuse array <<'END'
crm: create: array begins with '[': one document a line is wanted, e.g. jq -c '.[]'
END
printf '\037\213\010\000' >packed
refuse packed <<'END'
crm: create: packed is compressed: gunzip it first
END
printf '\377\376{\000}\000\n\000' >wide
refuse wide <<'END'
crm: create: wide is UTF-16: convert it first, e.g. iconv -f UTF-16 -t UTF-8
END
printf '\000{\000}\000\n' >wide
refuse wide <<'END'
crm: create: wide is UTF-16: convert it first, e.g. iconv -f UTF-16 -t UTF-8
END

# another encoding is told once a file
printf '{"name":"\325\305"}\n{"name":"\300\356"}\n{"name":"ok"}\n' >gbk
want 1 crm create --file gbk <<'END'
1 created, 2 bad
END
said <<'END'
crm: create: gbk:1: JSON: not UTF-8 at byte 9
crm: create: gbk is not UTF-8: convert it first, e.g. iconv -f GBK -t UTF-8
crm: create: gbk:2: JSON: not UTF-8 at byte 9
END
for short in '' ' ' '\n' '\357\273\277' '\357'; do
    # shellcheck disable=SC2059
    printf "$short" >short
    crm create --file short >"$W/short" 2>&1 || [ $? -eq 1 ]
    grep -q '^0 created, [01] bad$' "$W/short"
done
silent 2 crm create --file good -f bad
said <<'END'
crm: create: --file is given twice
Try 'crm create --help'.
END

# a file of another sort: 10 lines are told, and a hint; with --json all
sample()
{
    awk -v n="$1" -v with="$2" 'BEGIN { for (i = 1; i <= n; i++) printf with "\n", i }'
}
{
    echo 'name,phone'
    sample 2999 'Somebody %d,13800138000'
} >csv
want 1 crm -C fresh create --file csv <<'END'
0 created, 100 bad
END
said <<'END'
crm: create: csv:1: JSON: a value expected at byte 0
crm: create: csv looks like CSV: each line must be a JSON document; mlr --icsv --ojsonl cat makes it so
crm: create: csv:2: JSON: a value expected at byte 0
crm: create: csv:3: JSON: a value expected at byte 0
crm: create: csv:4: JSON: a value expected at byte 0
crm: create: csv:5: JSON: a value expected at byte 0
crm: create: csv:6: JSON: a value expected at byte 0
crm: create: csv:7: JSON: a value expected at byte 0
crm: create: csv:8: JSON: a value expected at byte 0
crm: create: csv:9: JSON: a value expected at byte 0
crm: create: csv:10: JSON: a value expected at byte 0
crm: create: ... and 90 more bad lines (--json tells all)
crm: create: the first 100 lines of csv are all bad: the others were not read
END
[ ! -e fresh ]
want 1 crm create --file csv --json <<'END'
{"created":0,"updated":0,"unchanged":0,"bad":3000,"last_line":3000,"interrupted":false,"dry_run":false}
END
same "$(grep -c '"error"' "$W/err")" 3000
same "$(grep -c '"note"' "$W/err")" 1
printf '{\n  "name": "x"\n}\n' >pretty
want 1 crm create --file pretty <<'END'
0 created, 3 bad
END
said <<'END'
crm: create: pretty:1: JSON: the text ends too early at byte 1
crm: create: pretty has a document over several lines: one a line is wanted, e.g. jq -c . puts it so
crm: create: pretty:2: JSON: something behind the value at byte 8
crm: create: pretty:3: JSON: a value expected at byte 0
END
sample 100 '{"nme":%d}' >hundred
want 1 crm create --file hundred --upsert <<'END'
0 created, 0 updated, 0 unchanged, 100 bad
END
tail -n 1 "$W/err" >last
cp last "$W/err"
said <<'END'
crm: create: ... and 90 more bad lines (--json tells all)
END
# one good line, and the others are read
{
    sample 99 '{"nme":%d}'
    echo '{"name":"good"}'
    sample 200 '{"nme":%d}'
} >mostly
want 1 crm create --file mostly --dry-run <<'END'
dry run: 1 created, 299 bad
END
tail -n 1 "$W/err" >last
cp last "$W/err"
said <<'END'
crm: create: ... and 289 more bad lines (--json tells all)
END
# what becomes of the load is told however much was said
{
    sample 20 '{"nme":%d}'
    echo '{"name":"good"}'
} >some
want 1 crm create --file some --atomic <<'END'
0 created, 20 bad
END
tail -n 2 "$W/err" >last
cp last "$W/err"
said <<'END'
crm: create: ... and 10 more bad lines (--json tells all)
crm: create: nothing was written, because of the bad lines
END
