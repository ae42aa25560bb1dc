# SPDX-License-Identifier: MIT
# stat and check: counts, sizes, damage found.
. "$CLI_TESTS/lib.sh"

awk 'BEGIN { for (i = 1; i <= 1234; i++) printf "{\"name\":\"N\",\"phone\":\"139%08d\"}\n", i }' |
    "$CRM" create --file - >/dev/null 2>&1
crm delete 5 6 7 >/dev/null

sizes()
{
    timeless "$@" | sed -E 's/ +[0-9.]+ ([KM]i)?B/ SIZE/; s/ [0-9.]+%( +[pd])/ N%\1/; s/^map .*, /map MAP, /; s/  +/  /g; s/^identity  2[0-9] /identity  BLOCKS /' |
        sed -n '1,/^space/p; /^customer  [0-9,]* SIZE/p; /^identity/p'
}
want 0 sizes crm stat <<'END'
database  ./crm.db
customers  1,231
deleted  3
revision  5
last change  TIME
model version  1
file SIZE
  holding data SIZE
  to use again SIZE
map MAP, < 0.1% in use
readers  1 of 1,022

space  rows  size  share  kind
customer  1,234 SIZE  N%  primary
identity  BLOCKS SIZE  N%  derived
END
crm stat | grep -q '^customer  *1,234  *[0-9.]* KiB  *[0-9.]*%  primary$'
numbers()
{
    timeless "$@" | sed -E 's/_bytes":[0-9]+/_bytes":N/g; s/"spaces":.*"name":"customer",("rows":[0-9]*).*/\1/'
}
want 0 numbers crm stat --json <<'END'
{"database":"./crm.db","customers":1231,"deleted":3,"revision":5,"recorded_at":"TIME","model_version":1,"file_bytes":N,"data_bytes":N,"free_bytes":N,"map_bytes":N,"readers":1,"max_readers":1022,"oldest_reader_commits":0,"oldest_reader_pid":0,"kept_bytes":N,"imports":0,"import_batch":0,"rows":1234
END

# somebody who holds a snapshot is named
mkfifo pipe
crm list >pipe &
lister=$!
exec 3<pipe
crm create name=more >/dev/null
crm stat --json | grep -q '"oldest_reader_pid":[0-9]'
exec 3<&-
wait $lister || true
silent 2 crm stat 1
