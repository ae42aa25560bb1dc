# SPDX-License-Identifier: MIT
# Files as people have them, with what the import says of each and the bad rows it gives back: for
# import/FILE the expected report is import/FILE.want.  CRM_WANT=1 writes those anew.
. "$CLI_TESTS/lib.sh"

one()
{
    rm -rf crm.db
    code=0
    crm import "$1" >out 2>err </dev/null || code=$?
    printf 'exit code %d\n' "$code"
    # the columns of a file with 2,000 of them need not be listed
    awk 'NR <= 20 { print } NR > 20 { last = $0 } END { if (NR > 20) print last }' out
    cat err
    for errors in "$1".errors.*; do
        [ ! -e "$errors" ] || { printf -- '-- %s\n' "$errors"; sed 's/\r$//' "$errors"; }
    done
    if [ -d crm.db ]; then
        crm list --fields id,name,phone,email,city --csv | head -n 20
        crm export --fields id,tags --reason test | tr -d '\r' | sed 's/^id,tags$//; /^[0-9]*,$/d; /^$/d'
        crm check >/dev/null || die "check: $1"
    fi
}

cp "$CLI_TESTS"/import/* .
for want in *.want; do
    file=${want%.want}
    cp "$want" "$W/want"
    rm "$want"
    one "$file" >"$W/out" 2>&1
    if [ "${CRM_WANT-}" ]; then
        cp "$W/out" "$CLI_TESTS/import/$want"
    else
        diff -u "$W/want" "$W/out" >&2 || die "wrong report: $file"
    fi
done
