# SPDX-License-Identifier: MIT
# help and version; every verb has a page with examples, in lines that fit a terminal.
. "$CLI_TESTS/lib.sh"

verbs='init create get find set delete undelete list segment numbers act tag tags event timeline history undo changes head verify stat
    check backup restore compact trim import export dump load model help version'
for verb in $verbs; do
    crm "$verb" --help >page
    crm help "$verb" >page2
    diff page page2
    head -n 1 page | grep -q "^Usage: crm $verb" || die "$verb: no usage"
    case $verb in
    help | version) ;;
    *) grep -q '^Examples$' page || die "$verb: no examples" ;;
    esac
    [ "$(LC_ALL=C.UTF-8 awk 'length > 92' page | wc -l)" -eq 0 ] || die "$verb: long lines"
    crm help >tool
    grep -q "^  $verb " tool || die "$verb: not in the list of verbs"
done
# with --json the parts of the same pages: what a person is told, a program is told too
cat >parts.py <<'END'
import json, os, subprocess, sys

def page(*args):
    run = subprocess.run([os.environ["CRM"], *args], stdout=subprocess.PIPE, check=True)
    return run.stdout.decode()

def squeeze(text):
    return " ".join(text.split())

tool = json.loads(page("help", "--json"))
assert json.loads(page("--help", "--json")) == tool
assert [v["verb"] for v in tool["verbs"]] == sys.argv[1:]
assert [c["code"] for c in tool["exit_codes"]] == [0, 1, 2, 3, 4, 5, 130]
assert [o["name"] for o in tool["write_options"]] == ["--actor", "--source", "--zone"]
assert {"--db", "--json", "--lang", "--help"} <= {o["name"] for o in tool["options"]}
for parts in tool["verbs"]:
    verb = parts["verb"]
    assert json.loads(page(verb, "--help", "--json")) == parts, verb
    assert json.loads(page("--json", "help", verb)) == parts, verb
    assert parts["usage"][0].startswith("crm " + verb), verb
    assert verb in ("help", "version") or parts["examples"], verb
    said = parts["usage"] + parts["description"].split("\n") + parts.get("examples", [])
    for option in parts.get("options", []):
        assert option["name"].startswith("--") and " " not in option["name"], option
        assert " " not in option.get("value", ""), option
        said += [option.get("letter", ""), option.get("value", "")]
    for part in parts.get("arguments", []) + parts.get("options", []):
        assert part["text"], part
        said += [part["name"], part["text"]]
    told = squeeze(page("help", verb))
    for words in said:
        assert squeeze(words) in told, (verb, words)
    told = told.replace("Usage: ", "").replace(" Examples ", " ")
    signs = sum(len(words.replace(" ", "")) for words in said)
    assert len(told.replace(" ", "")) - signs <= 3, (verb, "something of the page is in no part")
END
if command -v python3 >/dev/null; then
    python3 parts.py $verbs || die "help --json"
fi
crm --help >tool2
diff tool tool2
crm -h >tool2
diff tool tool2
for code in 0 1 2 3 4 5 130; do
    grep -q "^  $code  " tool || die "exit code $code is not explained"
done
want 0 crm delete --help --actor x <<END
$(crm help delete)
END

want 0 sh -c '"$CRM" version | sed -n "1s/[0-9.][0-9.]*/N/gp"' <<'END'
crm N, libcrm N
END
crm version >v
crm --version | diff v -
crm -V | diff v -
crm version --json | grep -q '^{"tool":"[0-9.]*","library":"[0-9.]*","build":".*"}$'

silent 2 crm
said <<'END'
crm: a verb is needed, e.g. 'create', 'get' or 'list'
Try 'crm --help'.
END
silent 2 crm frobnicate
said <<'END'
crm: no such verb: frobnicate
Try 'crm --help'.
END
silent 2 crm --json frobnicate
said <<'END'
{"error":{"code":"USAGE","message":"no such verb: frobnicate"}}
END
silent 2 crm --frob list
silent 2 crm help frobnicate
silent 2 crm help get set
silent 2 crm version 1
silent 2 crm -C
