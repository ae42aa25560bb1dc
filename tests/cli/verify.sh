# SPDX-License-Identifier: MIT
# head and verify: sound, against heads that were kept, cut off, changed.
. "$CLI_TESTS/lib.sh"

crm init >/dev/null
crm create name=Ann >/dev/null
cp -r crm.db old.db
crm head >early
crm set 1 city=Rome >/dev/null
crm head >>heads
crm head --json >>heads
crm set 1 city=Bonn >/dev/null
want 0 crm verify <<'END'
4 entries verified
END
want 0 crm verify --json <<'END'
{"faults":0,"entries":4,"anchors":0}
END
want 0 crm verify --anchor early --anchor heads <<'END'
4 entries verified, 3 kept heads found
END
want 0 sh -c '"$CRM" head | "$CRM" verify --anchor - --json' <<'END'
{"faults":0,"entries":4,"anchors":1}
END
same "$(sed 's/ .*//' early)" 2
same "$(sed -n 2p heads | sed 's/","chain":"[0-9a-f]*"}$//; s/T.*//')" "$(sed -n '1s/^\([0-9]*\) \([^T]*\)T.*/{"revision":\1,"recorded_at":"\2/p' heads)"
same "$(sed -n 2p heads | sed 's/.*"chain":"\(.*\)"}/\1/')" "$(sed -n '1s/.* //p' heads)"

# an older copy: sound by itself, not against what was kept
want 0 crm -C old.db verify --anchor early <<'END'
2 entries verified, 1 kept head found
END
want 1 crm -C old.db verify --anchor heads <<'END'
entry 3: it was cut off, with all behind it
END
want 1 crm -C old.db verify --anchor heads --json <<'END'
{"faults":1,"revision":3,"message":"entry 3: it was cut off, with all behind it"}
END
# another history of the same length
crm -C old.db set 1 city=Oslo >/dev/null
crm -C old.db set 1 city=Kiel >/dev/null
want 0 crm -C old.db verify <<'END'
4 entries verified
END
want 1 crm -C old.db verify --anchor heads <<'END'
entry 3: it is not the one of the head that was kept
END

# damage: a byte of the link of entry 2, wherever it stands in the file
cp -r crm.db bad.db
chain=$(sed 's/.* //' early)
case $chain in 58*) byte=Y ;; *) byte=X ;; esac
od -An -v -tx1 crm.db/data.mdb | tr -d ' \n' | grep -ob "$chain" | cut -d: -f1 >places
[ -s places ]
while read -r at; do
    printf %s $byte | dd of=bad.db/data.mdb bs=1 seek=$((at / 2)) conv=notrunc 2>/dev/null
done <places
want 1 crm -C bad.db verify <<'END'
entry 2: it is damaged
END
want 1 crm -C bad.db verify --json <<'END'
{"faults":1,"revision":2,"message":"entry 2: it is damaged"}
END

# files of heads that are wrong
: >empty
silent 4 crm verify --anchor empty
said <<'END'
crm: verify: empty has no head
END
silent 5 crm verify --anchor missing
said <<'END'
crm: verify: can't read missing: No such file or directory
crm: verify: 'crm head >> missing' begins such a file
END
wrong()
{
    printf '%b\n' "$1" >wrong
    crm verify --anchor early --anchor wrong
}
silent 4 wrong '2 2026-01-01T00:00:00Z abc'
said <<'END'
crm: verify: wrong:1: is no head as 'crm head' prints it
END
silent 4 wrong "\n2 2026-01-01T00:00:00Z ${chain}\nx"
said <<'END'
crm: verify: wrong:3: is no head as 'crm head' prints it
END
silent 4 wrong "2 2026-13-01T00:00:00Z $chain"
said <<'END'
crm: verify: wrong:1: is no head as 'crm head' prints it
END
silent 4 wrong "-2 2026-01-01T00:00:00Z $chain"
said <<'END'
crm: verify: wrong:1: is no head as 'crm head' prints it
END
silent 4 wrong "2 2026-01-01T00:00:00Z $chain more"
said <<'END'
crm: verify: wrong:1: is no head as 'crm head' prints it
END
silent 4 wrong "{\"revision\":2,\"chain\":\"$chain\"}"
said <<'END'
crm: verify: wrong:1: is no head as 'crm head' prints it
END
want 0 wrong "{\"revision\":2,\"recorded_at\":\"2026-01-01T00:00:00Z\",\"chain\":\"$chain\"}" <<'END'
4 entries verified, 2 kept heads found
END
silent 2 crm verify heads
said <<'END'
crm: verify: takes no argument; heads come with --anchor
Try 'crm verify --help'.
END
silent 2 crm verify --anchr heads
said <<'END'
crm: verify: no such option: --anchr; did you mean "--anchor"?
Try 'crm verify --help'.
END
silent 2 crm head 1
said <<'END'
crm: head: takes no argument
Try 'crm head --help'.
END
silent 2 crm head --actor x
said <<'END'
crm: head: --actor, --source and --zone are for verbs that write
Try 'crm head --help'.
END
silent 5 crm -C nowhere verify
said <<'END'
crm: verify: there is no database at nowhere ('crm init' makes one, -C names another)
END
silent 5 crm -C nowhere head
said <<'END'
crm: head: there is no database at nowhere ('crm init' makes one, -C names another)
END
