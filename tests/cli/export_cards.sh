# SPDX-License-Identifier: MIT
# Cards: an independent reader finds in them what JSON has, and every customer comes back, also those
# with no phone and no e-mail, with identities of other systems, and without a name of their own.
. "$CLI_TESTS/lib.sh"

cat >some.jsonl <<'END'
{"name":"Li Na","phone":["+8613800138000","+8613800138001"],"email":["a@example.com"],"city":"上海","country":"CN","gender":"female","birth_date":"1990-05-01","external":[{"source":"erp","value":"E1;x"},{"source":"shop","value":"a,b\\c"}],"notes":"two\nlines, \"quoted\"; and \\ more"}
{"kind":"organisation","name":"Shop; Ltd, \\o/","tax_id":"91310000MA1FL0000X","website":"https://example.com/a;b?c=d,e"}
{"name":"Nobody has me","score":3,"tags":["label:old friends","region:cn/上海"]}
{"name":"Of a card","external":[{"source":"vcard","value":"urn:uuid:1;2"},{"source":"vcard","value":"second"}]}
{"name":"张伟, the name is long enough that the line is folded, and 很多很多很多很多的汉字","wechat":["wei;zhang"],"company":"A;B","job_title":"x"}
END
crm create --file some.jsonl >/dev/null 2>&1
crm get --json 1 2 3 4 5 >before
crm export cards.vcf --reason test >/dev/null
crm export all.jsonl --reason test >/dev/null
"${PYTHON:-python3}" - <<'END'
import json, re

def split(text, mark):
    out, one, i = [], "", 0
    while i < len(text):
        if text[i] == "\\":
            one += {"n": "\n", "N": "\n"}.get(text[i + 1], text[i + 1])
            i += 2
        elif text[i] == mark:
            out.append(one)
            one, i = "", i + 1
        else:
            one, i = one + text[i], i + 1
    return out + [one]

def cards(path):
    raw = open(path, "rb").read()
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    text = raw.decode("utf-8").replace("\r\n ", "")
    assert "\n" not in text.replace("\r\n", "")
    for line in text.split("\r\n")[:-1]:
        head, value = re.fullmatch(r'((?:[^":]|"[^"]*")+):(.*)', line, re.S).groups()
        name, *params = re.findall(r'(?:[^";]|"[^"]*")+', head)
        params = {k: v.strip('"') for k, v in (p.split("=", 1) for p in params)}
        if line == "BEGIN:VCARD":
            card = []
        elif line == "END:VCARD":
            yield card
        else:
            card.append((name, params, value))

docs = [json.loads(line) for line in open("all.jsonl", encoding="utf-8")]
read = list(cards("cards.vcf"))
assert len(read) == len(docs) == 5
for card, doc in zip(read, docs):
    def all_of(name):
        return [split(v, "\0")[0] for n, p, v in card if n == name]
    def own(name):
        return [split(v, "\0")[0] for n, p, v in card if n == "X-CRM-FIELD" and p["NAME"] == name]
    ids = [i for i in doc.get("identities", [])]
    def identity(kind, source=None):
        return [i["value"] for i in ids if i["kind"] == kind and i.get("source") == source] or \
            [i["value"] for i in doc.get(kind, []) if isinstance(i, dict) and i["source"] == source] or \
            [i for i in (doc.get(kind, []) if isinstance(doc.get(kind, []), list) else [doc[kind]])
             if not isinstance(i, dict) and source is None]
    assert card[0] == ("VERSION", {}, "4.0") and len(all_of("UID")) == 1
    assert all_of("KIND") == ["org" if doc["kind"] == "organisation" else "individual"]
    assert all_of("FN") == [doc["name"]]
    assert all_of("TEL") == identity("phone") and all_of("EMAIL") == identity("email")
    assert [v for n, p, v in card if n == "URL"] == ([doc["website"]] if "website" in doc else [])
    assert all_of("NOTE") == ([doc["notes"]] if "notes" in doc else [])
    assert all_of("TITLE") == ([doc["job_title"]] if "job_title" in doc else [])
    assert all_of("BDAY") == ([doc["birth_date"].replace("-", "")] if "birth_date" in doc else [])
    assert all_of("GENDER") == (["F"] if "gender" in doc else [])
    assert all_of("X-WECHAT") == identity("wechat")
    assert own("tax_id") == identity("tax_id")
    for source in "erp", "shop":
        assert own("external@" + source) == identity("external", source)
    cards_of = identity("external", "vcard")
    if cards_of:
        assert all_of("UID") + own("external@vcard") == cards_of
    adr = [split(v, ";") for n, p, v in card if n == "ADR"]
    assert adr == ([["", "", "", doc["city"], "", "", doc["country"]]] if "city" in doc else [])
    org = [split(v, ";") for n, p, v in card if n == "ORG"]
    assert [o[0] for o in org] == ([doc["company"]] if "company" in doc else [])
    tags = [t if isinstance(t, str) else t["tag"] for t in doc.get("tags", [])]
    assert sum((split(v, ",") for n, p, v in card if n == "CATEGORIES"), []) == tags
END
# all come back, and nothing is changed
want 0 sh -c '"$CRM" import cards.vcf | tail -n 1' <<'END'
5 rows: 0 created, 0 updated, 5 unchanged, 0 bad
END
crm get --json 1 2 3 4 5 | diff before - >&2
# elsewhere they are new once, and then known
want 0 sh -c '"$CRM" -C other import cards.vcf | tail -n 1' <<'END'
5 rows: 5 created, 0 updated, 0 unchanged, 0 bad
END
want 0 sh -c '"$CRM" -C other import cards.vcf | tail -n 1' <<'END'
5 rows: 0 created, 0 updated, 5 unchanged, 0 bad
END
