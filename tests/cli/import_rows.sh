# SPDX-License-Identifier: MIT
# Whatever is wrong with one row, in whatever format: it is told with its line and put aside, and
# every other row of the file is in.  Each row of the table below is bad in a way of its own and
# stands between two good ones.
. "$CLI_TESTS/lib.sh"

# all FILE BAD [OPTION...]: BAD rows were told, each once in the file of bad rows, and as many good
# rows as there are before, between and behind them are in.
all()
{
    file=$1 bad=$2
    shift 2
    code=0
    crm import "$file" "$@" --json >out 2>err || code=$?
    [ $code -eq 1 ] || { cat out err >&2; die "exit code $code: $file"; }
    grep -q "\"rows\":$((2 * bad + 1)),\"created\":$((bad + 1)),.*\"bad\":$bad," out ||
        { cat out err >&2; die "not all rows: $file"; }
    crm check >/dev/null || die "check: $file"
}

number=100
good()
{
    number=$((number + 1))
    printf "$1" $number $number
}

# customers as CSV
csv_good='Good %d,1380013%04d,2001-02-03\n'
{
    printf 'name,phone,birth_date\n'
    good "$csv_good"
    while IFS= read -r row; do
        printf "$row\n"
        good "$csv_good"
    done <<'END'
Eve\0,13900139000,
\377Eve,13900139000,
"Eve,13900139000,
Eve,13900139000,"2001-02-03
Eve,13900139000,2001-02-03,4
"Eve\n13900139000","more "than" this",
"Eve"\nBob", the "second",13900139000,
Eve,none,
Eve,139,
Eve,13900139000,yesterday
Eve,13900139000,2001-02-30
END
} >rows.csv
# the one with two lines, whose second begins a row of its own, makes two of it
sed -i '/^Bob", the/d' rows.csv
crm import rows.csv --encoding UTF-8 >out 2>err || same $? 1
grep -q '^2[0-9] rows: 1[0-9] created' out || { cat out err >&2; die "customers of CSV"; }
crm list --fields name --csv | grep -c '^Good' >got
same "$(cat got)" 12
! crm list --fields name --csv | grep -v '^Good\|^name\|^id' || die "a bad row is in"

# customers as JSON Lines
json_good='{"name":"Good %d","phone":"1390013%04d"}\n'
deep=$(printf '%050d' 0 | tr 0 '[')
{
    good "$json_good"
    while IFS= read -r row; do
        printf "$row\n"
        good "$json_good"
    done <<END
{"name":"Eve\\0"}
\\0
{"name":"\\377Eve"}
{"name":"Eve"
{"name":"Eve","name":"Bob"}
{"name":"Eve\\\\u0000"}
{"name":"\\\\ud800"}
["name","Eve"]
17
Eve
$deep
{"nonsense":"Eve"}
{"name":"Eve","phone":{"a":1}}
{"name":"Eve","phone":"139"}
{"name":"Eve","tags":17}
{"name":"Eve","tags":["no such tag"]}
{"name":"Eve","events":[{"kind":"nonsense"}]}
{"name":"Eve","id":999999}
{"name":"Eve","kind":"ghost"}
{"name":"Eve"} {"name":"Bob"}
END
} >rows.jsonl
all rows.jsonl 20 --encoding UTF-8

# customers as cards
card_good='BEGIN:VCARD\nFN:Good %d\nTEL:1370013%04d\nEND:VCARD\n'
{
    good "$card_good"
    while IFS= read -r row; do
        printf "$row\n"
        good "$card_good"
    done <<'END'
BEGIN:VCARD\nFN:Eve\0\nTEL:13600136000\nEND:VCARD
BEGIN:VCARD\nFN:Eve\nTEL:13600136000
FN:Eve\nTEL:13600136000\nEND:VCARD
BEGIN:VCARD\nno property\nEND:VCARD
BEGIN:VCARD\nFN:Eve\nTEL:139\nEND:VCARD
BEGIN:VCARD\nFN:Eve\nTEL:13600136000\nBDAY:yesterday\nEND:VCARD
END
} >rows.vcf
all rows.vcf 6

# events as CSV
event_good='13800130101,message,2026-01-02T03:04:05Z,text %d,R-%d\n'
{
    printf 'phone,kind,time,text,reference\n'
    good "$event_good"
    while IFS= read -r row; do
        printf "$row\n"
        good "$event_good"
    done <<'END'
13800130101,message,2026-01-02T03:04:05Z,t\0,
13800130101,message,2026-01-02T03:04:05Z,"t,
13800130101,message,2026-01-02T03:04:05Z,t,r,x
13600136000,message,2026-01-02T03:04:05Z,t,
139,message,2026-01-02T03:04:05Z,t,
,message,2026-01-02T03:04:05Z,t,
13800130101,nonsense,2026-01-02T03:04:05Z,t,
13800130101,message,2026-13-02T03:04:05Z,t,
13800130101,message,never,t,
END
} >events.csv
all events.csv 9 --events

# events as JSON Lines
line_good='{"customer":1,"kind":"message","time":"2026-01-02T03:04:05Z","text":"%d","reference":"S-%d"}\n'
{
    good "$line_good"
    while IFS= read -r row; do
        printf "$row\n"
        good "$line_good"
    done <<'END'
{"customer":1,"kind":"message","text":"\0"}
{"customer":1,"kind":"message","text":"\377"}
{"customer":1,"kind":"message"
[1]
"note"
{"kind":"message"}
{"customer":999999,"kind":"message"}
{"customer":"13600136000","kind":"message"}
{"customer":[1],"kind":"message"}
{"customer":1,"kind":"nonsense"}
{"customer":1}
{"customer":1,"kind":"message","time":"never"}
{"customer":1,"kind":"message","nonsense":1}
{"customer":1,"kind":"message","text":{"a":1}}
{"customer":1,"kind":"message","voids":99}
END
} >events.jsonl
all events.jsonl 15 --events --encoding UTF-8
