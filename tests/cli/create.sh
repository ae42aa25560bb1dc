# SPDX-License-Identifier: MIT
# create from arguments: keys and labels, lists, external ids, faults, upsert, dry run.
. "$CLI_TESTS/lib.sh"

want 0 crm create name='Li Na' phone='+86 138 0013 8000' <<'END'
1
END
said <<'END'
crm: create: made ./crm.db
END
want 0 crm create 姓名=张伟 电话='139 0013 9000' 城市=上海 --source web --actor li.na <<'END'
2
END
said </dev/null
want 0 crm create name=Ann phone=13700137000 phone+=13600136000 external@erp=10023 --json <<'END'
{"id":3,"created":true,"changed":true,"dry_run":false}
END
want 0 crm create kind=公司 name='Shop Ltd' <<'END'
4
END
want 0 crm create name=Bob employer=4 last_contact='2026-03-01 08:00' --zone Asia/Shanghai <<'END'
5
END
want 0 crm list --fields id,kind,name,phone,external,employer,last_contact,city --width 0 <<'END'
ID  Kind          Name      Phone                           External id  Employer  Last contact          City
 1  Person        Li Na     +8613800138000
 2  Person        张伟      +8613900139000                                                               上海
 3  Person        Ann       +8613700137000, +8613600136000  erp:10023
 4  Organisation  Shop Ltd
 5  Person        Bob                                                    4         2026-03-01T00:00:00Z
END

# all faults of a record at once, by field
silent 4 crm create email=nobody score=5000 lifecycle=gone
said <<'END'
crm: create: email: has no "@", expected an e-mail address such as name@example.com
crm: create: score: is above 1000
crm: create: lifecycle: is not one of the values, expected lead, prospect, active, dormant, lost
crm: create: name: is required
END
silent 4 crm --json create email=nobody name=x
said <<'END'
{"error":{"code":"CRM_EVALUE","verb":"create","field":"email","message":"email: has no \"@\", expected an e-mail address such as name@example.com"}}
END
silent 4 crm create nam=x citty=y
said <<'END'
crm: create: "nam" is no field of the model; did you mean "name"?
crm: create: "citty" is no field of the model; did you mean "city"?
END
silent 4 crm create emial=x score=2000 phone=12 citty=y
said <<'END'
crm: create: "emial" is no field of the model; did you mean "email"?
crm: create: "citty" is no field of the model; did you mean "city"?
crm: create: score: is above 1000
crm: create: phone: is not a phone number: too short
END
silent 4 crm create name=x kind=robot
said <<'END'
crm: create: kind: is neither "person" nor "organisation"
END
silent 4 crm create name=x employer=99
said <<'END'
crm: create: employer: refers to a customer that does not exist
END
silent 4 crm create "name=$(printf 'a\377b')"
said <<'END'
crm: create: an argument is not UTF-8: name=a\xffb
END
silent 4 crm create name=x external=1
silent 4 crm create name=x name+=y

# unique values
silent 3 crm create name=Ann2 external@erp=10023
said <<'END'
crm: create: external: is unique, and customer 3 has this value
END
silent 3 crm create name=Ann2 external@erp=10023 --json
said <<'END'
{"error":{"code":"CRM_EEXISTS","verb":"create","field":"external","row":3,"message":"external: is unique, and customer 3 has this value"}}
END
want 0 crm create name=Ann2 external@erp=10023 external@shop=7 --upsert <<'END'
3
END
want 0 crm create name=Ann2 external@erp=10023 --upsert --json <<'END'
{"id":3,"created":false,"changed":false,"dry_run":false}
END
want 0 crm create name=Ann3 external@erp=10023 --upsert --dry-run <<'END'
dry run: would update customer 3
END
want 0 crm create name=Ann2 external@erp=10023 --upsert --dry-run <<'END'
dry run: would leave customer 3
END
silent 3 crm create name=x external@erp=10023 external@new=1 phone=13800138000 external@shop=8
want 0 crm find external@shop=7 <<'END'
3  Ann2
END

# a dry run leaves nothing
want 0 crm create name=Ghost --dry-run <<'END'
dry run: would create customer 6
END
want 0 crm create name=Ghost --dry-run --json <<'END'
{"id":6,"created":true,"changed":true,"dry_run":true}
END
want 0 crm create name=Real <<'END'
6
END
(
    mkdir elsewhere
    cd elsewhere
    silent 5 crm create name=x --dry-run
    said <<'END'
crm: create: there is no database at ./crm.db ('crm init' makes one, -C names another)
END
    [ ! -e crm.db ]
)

# mistakes on the command line
silent 2 crm create
said <<'END'
crm: create: needs FIELD=VALUE, or --file FILE (--file - reads standard input)
Try 'crm create --help'.
END
silent 2 crm create name
silent 2 crm create =x
silent 2 crm create name=
silent 2 crm create name=a name=b
said <<'END'
crm: create: name is given twice
Try 'crm create --help'.
END
silent 2 crm create name=a phone-=1
silent 2 crm create name=a id=7
said <<'END'
crm: create: id is given by the database
Try 'crm create --help'.
END
silent 2 crm create name=a --atomic
silent 2 crm create name=a --file x
silent 2 crm create name=a --unheard-of
said <<'END'
crm: create: no such option: --unheard-of
Try 'crm create --help'.
END
silent 2 crm create name=a --source
silent 2 crm create name=a --json=yes

# what get shows besides the fields is also taken as a name
crm create 类型=组织 name='组织' -C shown >/dev/null 2>&1
crm create KIND=公司 name='公司' -C shown >/dev/null
want 0 crm list --kind organisation --fields id -C shown <<'END'
ID
 1
 2
END
silent 2 crm create name=x 修订号=4
said <<'END'
crm: create: revision is given by the database
Try 'crm create --help'.
END

# an id of another system needs its source
silent 4 crm create 姓名=X external=10023
said <<'END'
crm: create: external: needs its source: write external@SOURCE=10023
END
silent 4 crm create 姓名=X 外部编号+=10023 --json
said <<'END'
{"error":{"code":"CRM_EVALUE","verb":"create","field":"external","message":"external: needs its source: write external@SOURCE+=10023"}}
END
silent 4 crm create 姓名=X kind=
said <<'END'
crm: create: kind: needs person or organisation
END
