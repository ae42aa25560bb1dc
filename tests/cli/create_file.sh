# SPDX-License-Identifier: MIT
# create from a file goes the road of import: the policies create and upsert, bad lines, all or
# nothing, dry run, batches, lines that come slowly, interruption.
. "$CLI_TESTS/lib.sh"

# the last line of the report
counts()
{
    code=0
    "$CRM" create "$@" >"$W/report" 2>"$W/err" || code=$?
    tail -n 1 "$W/report"
    return "$code"
}

# a byte order mark, CRLF, blank lines, labels, no newline at the end; one batch always
printf '\357\273\277{"name":"Ann"}\r\n\r\n   \n{"姓名":"张伟","电话":["138 0013 8000"]}\n{"name":"Last"}' >good
want 0 crm create --file good <<'END'
good: JSON Lines, UTF-8
3 rows: 3 created, 0 updated, 0 unchanged, 0 bad
END
said <<'END'
crm: create: made ./crm.db
crm: create: batch 2 ('crm undo 2' takes it back)
END
want 0 crm list --fields id,name,phone <<'END'
ID  Name  Phone
 1  Ann
 2  张伟  +8613800138000
 3  Last
END

# line numbers of bad lines are right, and each fault of a line is told; they are put aside
{
    printf '{"name":"ok 1"}\n\n{"name":\n'
    printf '{"name":"two faults","score":5000,"email":"x"}\n'
    head -c 17825792 /dev/zero | tr '\0' x
    printf '\n[1]\n{"name":"ok 2"}\n{"name":"field","nme":1}\n{}\n'
} >bad
cat >faults <<'END'
crm: create: bad:3: JSON: the text ends too early at byte 8 (right: a line is one whole JSON document, as jq -c . writes it)
crm: create: bad:4: score: is above 1000
crm: create: bad:4: email: has no "@", expected an e-mail address such as name@example.com
crm: create: bad:5: the line is longer than 16 MiB
crm: create: bad:6: JSON: a customer is an object (right: a line is one whole JSON document, as jq -c . writes it)
crm: create: bad:8: nme: "nme" is no field of the model; did you mean "name"?
crm: create: bad:9: name: is required
END
want 1 counts --file bad --batch=fair <<'END'
8 rows: 2 created, 0 updated, 0 unchanged, 6 bad
END
{
    cat faults
    echo "crm: create: batch 3 ('crm undo 3' takes it back)"
    echo "crm: create: the bad rows are in bad.errors.jsonl: put them right there and import that file"
} | said
same "$(wc -l <bad.errors.jsonl)" 6
same "$(sed -n 2p bad.errors.jsonl)" '{"crm:line":4,"crm:column":"score; email","crm:problem":"is above 1000; has no \"@\", expected an e-mail address such as name@example.com","crm:hint":"","name":"two faults","score":5000,"email":"x"}'
want 1 counts --file bad --dry-run <<'END'
dry run: 8 rows: 2 created, 0 updated, 0 unchanged, 6 bad
END
want 1 counts --file bad --errors elsewhere.jsonl --atomic <<'END'
8 rows: 2 created, 0 updated, 0 unchanged, 6 bad
END
grep -q 'nothing was written, because of the bad rows' "$W/err" || die "atomic"
same "$(wc -l <elsewhere.jsonl)" 6
want 1 crm create --file bad --json --dry-run <<'END'
{"file":"bad","rows":8,"created":2,"updated":0,"unchanged":0,"skipped":0,"bad":6,"empty":0,"resumed":0,"batch":null,"written":false,"dry_run":true,"interrupted":false,"resumable":false,"errors":null,"mapping":{"format":"jsonl","encoding":"UTF-8","encoding_percent":100,"gzip":false,"separator":"","columns":[]}}
END
grep '"line":4' "$W/err" >json
cp json "$W/err"
said <<'END'
{"error":{"code":"CRM_EVALUE","verb":"create","file":"bad","line":4,"field":"score","message":"score: is above 1000"}}
{"error":{"code":"CRM_EVALUE","verb":"create","file":"bad","line":4,"field":"email","message":"email: has no \"@\", expected an e-mail address such as name@example.com"}}
END
want 0 counts --file good --atomic --dry-run <<'END'
dry run: 3 rows: 3 created, 0 updated, 0 unchanged, 0 bad
END
same "$(crm stat --json | sed 's/.*"customers":\([0-9]*\).*/\1/')" 5

# upsert: created, changed and unchanged are told apart; the second run changes nothing
printf '{"name":"Eve","external":[{"source":"erp","value":"%s"}]}\n' 1 2 3 >erp
want 0 counts --file erp --upsert <<'END'
3 rows: 3 created, 0 updated, 0 unchanged, 0 bad
END
want 0 counts --file erp --upsert <<'END'
3 rows: 0 created, 0 updated, 3 unchanged, 0 bad
END
sed 's/Eve/Eva/' erp | sed 1d >erp2
want 0 counts --file erp2 --upsert <<'END'
2 rows: 0 created, 2 updated, 0 unchanged, 0 bad
END
want 1 counts --file erp2 <<'END'
2 rows: 0 created, 0 updated, 0 unchanged, 2 bad
END
sed -n 1p "$W/err" >line
cp line "$W/err"
said <<'END'
crm: create: erp2:1: external: is unique, and customer 7 has this value (right: another value; or the policy upsert, which changes that customer)
END
# what a customer has already is no fault of a document that changes them
printf '{"external":[{"source":"erp","value":"2"}],"score":5000}\n' >change
want 1 counts --file change --upsert <<'END'
1 row: 0 created, 0 updated, 0 unchanged, 1 bad
END
sed -n 1p "$W/err" >line
cp line "$W/err"
said <<'END'
crm: create: change:1: score: is above 1000
END
printf '{"name":"no identity"}\n' >none
want 1 counts --file none --upsert <<'END'
1 row: 0 created, 0 updated, 0 unchanged, 1 bad
END

# more lines than one portion; duplicates within the file are seen by a dry run as well
awk 'BEGIN { for (i = 1; i <= 10050; i++)
    printf "{\"name\":\"N\",\"external\":[{\"source\":\"many\",\"value\":\"%d\"}]}\n", i }' >many
printf '{"name":"N","external":[{"source":"many","value":"1"}]}\n' >>many
want 1 counts --file many --dry-run <<'END'
dry run: 10,051 rows: 10,050 created, 0 updated, 0 unchanged, 1 bad
END
want 1 counts --file many <<'END'
10,051 rows: 10,050 created, 0 updated, 0 unchanged, 1 bad
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
"$CRM" create --file - <pipe >piped 2>/dev/null &
loader=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    sleep 0.1
    crm list --json | grep -q early && break
done
same "$(cat piped)" 'standard input: JSON Lines, UTF-8' # told before the rows, and the end is not waited for
want 0 crm create name=between --json <<'END'
{"id":10060,"created":true,"changed":true,"dry_run":false}
END
touch seen
wait $loader
same "$(tail -n 1 piped)" "2 rows: 2 created, 0 updated, 0 unchanged, 0 bad"
# a pipe with a name has JSON Lines as well
printf '{"name":"named"}\n' >pipe &
want 0 counts --file pipe <<'END'
1 row: 1 created, 0 updated, 0 unchanged, 0 bad
END

# Ctrl-C ends the waiting: what came stays; all or nothing, nothing
want 130 sh -c '(printf "{\"name\":\"one\"}\n"; sleep 2) |
    timeout --preserve-status -s INT 1.5 "$CRM" create --file -' <<'END'
standard input: JSON Lines, UTF-8
1 row: 1 created, 0 updated, 0 unchanged, 0 bad
END
tail -n 1 "$W/err" >last
cp last "$W/err"
said <<'END'
crm: create: cut short: the same command with --resume goes on with it
END
want 130 sh -c 'printf "{\"name\":\"one\"}\n{\"name\":\"two\"}\n" |
    { cat; sleep 2; } | timeout --preserve-status -s INT 1.5 "$CRM" create --file - --resume' <<'END'
standard input: JSON Lines, UTF-8
2 rows: 2 created, 0 updated, 0 unchanged, 0 bad
END
same "$(crm list --json | grep -c '"name":"one"')" 1
want 130 sh -c '(printf "{\"name\":\"one\"}\n"; sleep 2) |
    timeout --preserve-status -s TERM 1.5 "$CRM" create --file - --atomic' <<'END'
standard input: JSON Lines, UTF-8
1 row: 1 created, 0 updated, 0 unchanged, 0 bad
END
grep -q 'nothing was written' "$W/err" || die "atomic, and cut short"
silent 130 sh -c 'sleep 1 | timeout --preserve-status -s INT 0.5 "$CRM" create --file -'
said <<'END'
crm: create: cut short
END

# what import takes is taken here: CSV, compressed or not, another encoding
printf 'name,phone\nAda,13700137000\nBob,1370013\n' >few.csv
want 1 crm create --file few.csv <<'END'
few.csv: CSV, UTF-8
column  field  found by
name    name   key
phone   phone  key
2 rows: 1 created, 0 updated, 0 unchanged, 1 bad
END
gzip -c good >packed
want 0 crm create --file packed --dry-run <<'END'
packed: JSON Lines, gzip, UTF-8
dry run: 3 rows: 3 created, 0 updated, 0 unchanged, 0 bad
END
sed 1d good | tail -n 2 | iconv -f UTF-8 -t UTF-16 >wide
want 0 counts --file wide --dry-run <<'END'
dry run: 2 rows: 2 created, 0 updated, 0 unchanged, 0 bad
END

silent 5 crm create --file missing
said <<'END'
crm: create: can't read missing: No such file or directory
END
: >empty
silent 4 crm -C fresh create --file empty
silent 5 crm -C fresh create --file .
printf '\357\273\277\n [{"name":"a"}]\n' >array
silent 4 crm -C fresh create --file array
said <<'END'
crm: create: array: a JSON list: one document a line is wanted, e.g. jq -c '.[]'
END
printf '{"nme":1}\n' >wrong
want 1 counts -C fresh --file wrong <<'END'
1 row: 0 created, 0 updated, 0 unchanged, 1 bad
END
[ ! -e fresh ] || die "a file without a good line made a database"
silent 2 crm create --file good -f bad
said <<'END'
crm: create: --file is given twice
Try 'crm create --help'.
END
silent 2 crm create name=x --resume
said <<'END'
crm: create: --atomic, --errors and --resume go with --file
Try 'crm create --help'.
END
