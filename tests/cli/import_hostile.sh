# SPDX-License-Identifier: MIT
# Files that are there to hurt, or are none: a clear error or a clean result, in little memory.
. "$CLI_TESTS/lib.sh"

# Private memory of 300 MB must do; where the limit itself is too low for the tool (sanitizers), it
# is left out.
limited()
{
    if sh -c 'ulimit -d 300000 && "$CRM" version' >/dev/null 2>&1; then
        sh -c 'ulimit -d 300000 && exec "$CRM" "$@"' crm "$@"
    else
        crm "$@"
    fi
}

# one FILE MESSAGE [OPTION...]: the row that hurts is told and put aside, the rows in front of it and
# behind it are in, the database is sound.
one()
{
    rm -rf crm.db
    code=0
    file=$1 words=$2
    shift 2
    limited import "$file" "$@" >out 2>err || code=$?
    [ $code -eq 1 ] || { cat out err >&2; die "exit code $code: $file"; }
    grep -q "$words" err || { cat err >&2; die "another message: $file"; }
    grep -q '^3 rows: 2 created, 0 updated, 0 unchanged, 1 bad$' out || { cat out >&2; die "$file"; }
    [ -s "$file".errors.* ] || die "no file of bad rows: $file"
    crm check >/dev/null
}

front='name,phone\nAnn,13800138000\n'
back='Bob,13900139000\n'
filled()
{
    head -c "$1" /dev/zero | tr '\0' "$2"
}

# a cell of 100 MB, quoted or not
(printf "$front\""; filled 100000000 x; printf '",1\n'; printf "$back") >quoted.csv
one quoted.csv 'quoted.csv:3: a quote begins here that has no end, or a cell longer than a row may be'
(printf "$front"; filled 100000000 x; printf ',1\n'; printf "$back") >plain.csv
one plain.csv 'plain.csv:3: a row begins here that is longer than a row may be'
(printf "$front\""; filled 30000000 '\n'; printf "$back") >endless.csv
one endless.csv 'endless.csv:3: a quote begins here that has no end'
rm quoted.csv plain.csv endless.csv
# a little file that unpacks to very much
(printf "$front"; filled 300000000 x; printf "\n$back") | gzip >bomb.csv.gz
one bomb.csv.gz 'bomb.csv.gz:3: a row begins here that is longer than a row may be'
(printf "$front"; filled 20000000 '\n') | gzip >blank.csv.gz
# gzip that is cut off or damaged, from its first byte on, behind rows
awk 'BEGIN { print "name,phone"; for (i = 0; i < 20000; i++) printf "N%d,13%09d\n", i, i * 7919 % 1000000000 }' |
    gzip -1 >good.csv.gz
size=$(wc -c <good.csv.gz)
for n in 30 $((size / 2)); do
    rm -rf crm.db
    head -c "$n" good.csv.gz >cut.csv.gz
    code=0
    crm import cut.csv.gz >out 2>err || code=$?
    same $code 4
    grep -q 'cut.csv.gz: the gzip data ends too early' err || die "$(cat err)"
done
rm good.csv.gz cut.csv.gz
rm -rf crm.db
limited import blank.csv.gz | tail -n 1 >got
same "$(cat got)" '1 row: 1 created, 0 updated, 0 unchanged, 0 bad'
# a line of JSON, a property of a card
(printf '{"name":"Ann","phone":"13800138000"}\n{"name":"'; filled 100000000 x
    printf '"}\n{"name":"Bob","phone":"13900139000"}\n') >long.jsonl
one long.jsonl 'long.jsonl:2: the line is longer than 16 MiB'
(printf 'BEGIN:VCARD\nVERSION:4.0\nFN:Ann\nTEL:+8613800138000\nEND:VCARD\n'
    printf 'BEGIN:VCARD\nVERSION:4.0\nFN:Eve\nNOTE:'; filled 100000000 x; printf '\nEND:VCARD\n'
    printf 'BEGIN:VCARD\nVERSION:4.0\nFN:Bob\nTEL:+8613900139000\nEND:VCARD\n') >long.vcf
one long.vcf 'long.vcf:6: a property of it is longer than 1 MiB'
rm long.jsonl long.vcf

# a sheet of 200 kB that has 200 MB of texts no cell names
if command -v python3 >/dev/null; then
    python3 - <<'END'
import zipfile
REL = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
PACKAGE = 'http://schemas.openxmlformats.org/package/2006/'
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
def book(name, text, times, bad=None):
    z = zipfile.ZipFile(name, 'w', zipfile.ZIP_DEFLATED)
    z.writestr('[Content_Types].xml', f'<Types xmlns="{PACKAGE}content-types"/>')
    z.writestr('_rels/.rels', f'<Relationships xmlns="{PACKAGE}relationships"><Relationship '
               f'Id="r1" Type="{REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>')
    z.writestr('xl/workbook.xml', f'<workbook {MAIN} xmlns:r="{REL}"><sheets>'
               '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>')
    z.writestr('xl/_rels/workbook.xml.rels', f'<Relationships xmlns="{PACKAGE}relationships">'
               f'<Relationship Id="r1" Type="{REL}/worksheet" Target="worksheets/sheet1.xml"/>'
               f'<Relationship Id="r2" Type="{REL}/sharedStrings" Target="sharedStrings.xml"/>'
               '</Relationships>')
    cells = ''.join(f'<row r="{r}"><c r="A{r}" t="inlineStr"><is><t>{a}</t></is></c>'
                    f'<c r="B{r}" t="inlineStr"><is><t>{b}</t></is></c></row>'
                    for r, a, b in ((1, 'name', 'phone'), (2, 'Ann', '13800138000')))
    if bad: # a row that is bad, and one behind it
        cells += (f'<row r="3">{bad}<c r="B3"><v>13700137000</v></c></row><row r="4">'
                  '<c r="A4" t="str"><v>Bob</v></c><c r="B4"><v>13900139000</v></c></row>')
    z.writestr('xl/worksheets/sheet1.xml',
               f'<worksheet {MAIN}><sheetData>{cells}</sheetData></worksheet>')
    with z.open('xl/sharedStrings.xml', 'w') as f:
        f.write(f'<sst {MAIN}>'.encode())
        for _ in range(times):
            f.write(text)
        f.write(b'</sst>')
    z.close()
book('few.xlsx', b'<si><t>text</t></si>', 1)
book('texts.xlsx', b'<si><t>' + b'x' * 10**6 + b'</t></si>', 200)
book('long.xlsx', b'<si><t>' + b'x' * (17 << 20) + b'</t></si>', 1, '<c r="A3" t="s"><v>0</v></c>')
book('nul.xlsx', b'<si><t>E_x0000_ve</t></si>', 1, '<c r="A3" t="s"><v>0</v></c>')
book('inline.xlsx', b'', 1, '<c r="A3" t="str"><v>E_x0000_ve</v></c>')
END
    rm -rf crm.db
    limited import few.xlsx >out 2>err || :
    if ! grep -q 'built without XLSX' err; then
        grep -q '^1 row: 1 created, 0 updated, 0 unchanged, 0 bad$' out || die "few.xlsx"
        silent 4 limited import texts.xlsx
        said <<'END'
crm: import: texts.xlsx: the texts of its cells take more than 128 MiB: save it as CSV
END
        one long.xlsx 'long.xlsx:3: sheet S, row 3, column A: a text is longer than 16 MiB$'
        one nul.xlsx 'nul.xlsx:3: name: a NUL byte stands in it'
        one inline.xlsx 'inline.xlsx:3: name: a NUL byte stands in it'
        # cut off, in each part; a byte of it that is another
        size=$(wc -c <nul.xlsx)
        for n in $((size / 4)) $((size / 2)) $((size - 10)); do
            head -c "$n" nul.xlsx >cut.xlsx
            silent 4 limited import cut.xlsx
            grep -q 'the XLSX file is damaged, or was not copied whole' "$W/err" || die "$n bytes"
        done
    fi
    rm ./*.xlsx
fi

# 100 MB of NULs, as a file has that a crash cut off, in each format; a few only
for n in 1 100000000; do
    (printf "${front}Eve"; head -c $n /dev/zero; printf ',1\n'; printf "$back") >nul.csv
    one nul.csv 'nul.csv:3: name: a NUL byte stands in it'
    (printf '{"name":"Ann","phone":"13800138000"}\n{"name":"Eve'; head -c $n /dev/zero
        printf '"}\n{"name":"Bob","phone":"13900139000"}\n') >nul.jsonl
    one nul.jsonl 'nul.jsonl:2: a NUL byte stands in it, at byte 13'
    (printf 'BEGIN:VCARD\nFN:Ann\nTEL:+8613800138000\nEND:VCARD\nBEGIN:VCARD\nFN:Eve'
        head -c $n /dev/zero; printf '\nEND:VCARD\n'
        printf 'BEGIN:VCARD\nFN:Bob\nTEL:+8613900139000\nEND:VCARD\n') >nul.vcf
    one nul.vcf 'nul.vcf:5: FN: a NUL byte stands in it'
done
rm nul.*

# any 64 KiB that are no text at all: one error
head -c 65536 "$CRM" >binary.csv
rm -rf crm.db
for options in "" "--format jsonl" "--events" "--events --format jsonl" "--encoding UTF-8"; do
    silent 4 crm import binary.csv $options
    said <<'END'
crm: import: binary.csv: the file is no text: NUL bytes stand all over it
END
done

# what is another thing is told as that
rm -rf crm.db
crm init >/dev/null
crm dump dump.jsonl >/dev/null
crm dump dump.jsonl.gz --gzip >/dev/null
crm backup backup >/dev/null
printf '\377\376\0\0n\0\0\0' >utf-32.csv
printf '\244\353\246\127,\262\276\301\134\n' >big5.csv
told()
{
    file=$1 words=$2
    shift 2
    silent 4 crm import "$file" "$@"
    printf 'crm: import: %s: %s\n' "$file" "$words" | said
}
told dump.jsonl 'the file is a dump of a database: load makes one of it'
told dump.jsonl.gz 'the file is a dump of a database: load makes one of it'
told backup "the file can't be read: the file of a database, or a backup of one: restore makes a folder of that"
told utf-32.csv "the file can't be read: it is UTF-32: save it as UTF-8"
silent 4 crm import big5.csv
grep -q '(that it is Big5 is a guess) (--show-mapping shows them)$' "$W/err" || die "not told that the encoding is a guess"
printf 'na\0me,phone\nAnn,13800138000\n' >nul.csv
told nul.csv 'name: there is no column for it, and every person must have it (in the name of column 1 stands a NUL byte)'
printf 'n\303\251,na\377me,phone\nAnn,13800138000\n' >bytes.csv
told bytes.csv 'name: there is no column for it, and every person must have it (in the name of column 2 are bytes that are not of the encoding)' --encoding UTF-8
code=0
cat dump.jsonl | crm import - 2>err || code=$?
same "$code $(grep -c 'must be said to be jsonl$' err)" '4 1'
# a name of a column that is very long is not told whole
(printf 'name,phone,'; filled 5000000 x; printf "\nAnn,13800138000,1\n") >head.csv
crm import head.csv >out 2>err
[ "$(wc -c <out)" -lt 2000 ] || die "a long name of a column"
rm -f dump.jsonl* backup ./*.csv

# no file
rm -rf crm.db
silent 5 crm import .
said <<'END'
crm: import: .: it is a folder
END
[ ! -e crm.db ] || die "a database of a folder"
if [ -e /proc/self/mem ]; then
    silent 5 crm import /proc/self/mem
    said <<'END'
crm: import: /proc/self/mem: can't read the input
END
fi
mkfifo pipe
printf "$front" >pipe &
crm import pipe >out 2>err
grep -q '^1 row: 1 created' out || die "a pipe"
