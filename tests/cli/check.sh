# SPDX-License-Identifier: MIT
# check: a sound database, and one with damage.
. "$CLI_TESTS/lib.sh"

awk 'BEGIN { for (i = 1; i <= 200; i++)
    printf "{\"name\":\"Somebody %d\",\"phone\":\"139%08d\"}\n", i, i }' |
    "$CRM" create --file - >/dev/null 2>&1
counts()
{
    counts_code=0
    "$@" >"$W/counted" || counts_code=$?
    sed -E 's/[0-9,]+ pages/N pages/; s/[0-9,]+ derived rows/N derived rows/; s/"(pages|derived)":[0-9]+/"\1":N/g' \
        "$W/counted"
    return $counts_code
}
want 0 counts crm check <<'END'
0 faults in N pages, 200 customers, 2 journal entries, N derived rows
END
want 0 counts crm check --json <<'END'
{"faults":0,"pages":N,"customers":200,"entries":2,"derived":N}
END

# damage: a byte of a record's value
cp -r crm.db bad.db
file=bad.db/$(ls bad.db | grep -v -i lock | head -n 1)
id=$(crm find phone=13900000123 --json | sed 's/.*"id":\([0-9]*\).*/\1/')
at=$(grep -abo 'Somebody 123' "$file" | tail -n 1 | cut -d: -f1)
printf 'X' | dd of="$file" bs=1 seek="$at" conv=notrunc 2>/dev/null
code=0
crm -C bad.db check >faults || code=$?
same "$code" 1
grep -q 'customer' faults
tail -n 1 faults | grep -q '^[1-9][0-9]* faults\{0,1\} in '
code=0
crm -C bad.db check --json >faults || code=$?
same "$code" 1
head -n 1 faults | grep -q '^{"space":"[a-z]*",.*"message":".*"}$'
tail -n 1 faults | grep -q '^{"faults":[1-9]'
silent 5 crm -C bad.db get "$id"
tail -n 1 "$W/err" >last
cp last "$W/err"
said <<'END'
crm: get: 'crm check' tells what is damaged
END
silent 5 crm -C nowhere check
said <<'END'
crm: check: there is no database at nowhere ('crm init' makes one, -C names another)
END
mkdir empty
: >empty/data.mdb
for verb in stat list; do
    silent 5 crm -C empty $verb
    said <<END
crm: $verb: data.mdb: the file is empty
END
done
silent 2 crm check --force

# a page of what is derived: mended while nobody has it open, and told
cp -r crm.db torn.db
file=torn.db/data.mdb
pages=$(($(wc -c <"$file") / 4096))
page=2
found=
while [ "$page" -lt "$pages" ] && [ ! "$found" ]; do
    cp crm.db/data.mdb "$file"
    dd if=/dev/zero of="$file" bs=4096 seek="$page" count=1 conv=notrunc 2>/dev/null
    crm -C torn.db check >faults || true
    if grep -q '^identity: ' faults && ! grep -q -v -e '^identity: ' -e '^file: ' -e '^[0-9,]* faults\{0,1\} in ' faults; then
        found=1
    fi
    page=$((page + 1))
done
same "$found" 1
crm -C torn.db check --repair >faults
grep -q '^identity: .* (repaired)$' faults
tail -n 1 faults | grep -q '^0 faults in .*; [1-9][0-9]* faults\{0,1\} repaired$'
crm -C torn.db find phone=13900000123 --json | grep -q 'Somebody 123'
crm -C torn.db changes | tail -n 1 | grep -q '  repair .*identity.* file$'
counts crm -C torn.db check --repair --json >after
grep -q '"faults":0,.*"repaired":0}$' after

# what is primary is left, and told
code=0
crm -C bad.db check --repair >faults || code=$?
same "$code" 1
grep -q '^customer: ' faults
! grep -q '(repaired)' faults

# the set of customers is told once where it can't be read, and what walks it ends: whatever page it is
crm -C walked create name=Ann >/dev/null 2>&1
crm -C walked create name=Bo >/dev/null
size=$(wc -c <walked/data.mdb)
page=2
told=0
while [ $((page * 4096)) -lt "$size" ]; do
    rm -rf torn
    mkdir torn
    cp walked/data.mdb torn
    dd if=/dev/zero of=torn/data.mdb bs=4096 seek="$page" count=1 conv=notrunc 2>/dev/null
    timeout 20 "$CRM" -C torn list >torn/out 2>torn/err || [ $? -ne 124 ] || die "list goes on for ever"
    if grep -q 'which of customers' torn/err; then
        told=$((told + 1))
        same "$(cat torn/err)" "crm: list: can't read which of customers 1 to 2 there are: damaged data"
        for verb in get find; do
            code=0
            timeout 20 "$CRM" -C torn $verb Nobody >/dev/null 2>torn/err || code=$?
            same "$code $(sed 1q torn/err)" "1 crm: $verb: can't read which of customers 1 to 2 there are: damaged data"
        done
    fi
    page=$((page + 1))
done
[ "$told" -gt 0 ]
