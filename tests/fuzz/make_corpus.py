#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the larger inputs of tests/fuzz/corpus: whole documents, models, records and long values.

usage: make_corpus.py [FOLDER]      default: the corpus beside this file

A fuzzer leaves the smallest input of each path; these are what real data looks like, for it to begin
from and for every replay.  Deterministic; a file's name is the beginning of its SHA-1.
"""
import gzip
import hashlib
import io
import json
import os
import random
import sys
import zipfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEXT, INTEGER, DECIMAL, MONEY, DATE, DATETIME, BOOLEAN, ENUM, EMAIL, PHONE, URL, COUNTRY, LANGUAGE, \
    CUSTOMER, ACTOR = range(1, 16)
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = ["伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛"]
NOTE = ("2026年11月3日电话沟通：客户对企业版报价满意，要求补充售后条款；约定下周二下午三点在上海市浦东新区"
        "世纪大道100号会议室面谈。\n联系人转述：预算已批，合同走采购部流程。")
NOTE_EN = ("Called on 3 November 2026: happy with the quote for the enterprise plan, asks for the terms of\n"
           "support; meets us on Tuesday at 15:00.\tBudget is approved, “purchasing” prepares the contract.")


# ---- customers' documents ----

def person(r, i):
    name = r.choice(SURNAMES) + r.choice(GIVEN)
    return {
        "kind": "person", "name": name, "gender": r.choice(["male", "female", "女", "Mr"]),
        "birth_date": f"{r.randint(1950, 2005)}-{r.randint(1, 12):02}", "language": "zh-CN",
        "phone": [f"138 {r.randint(0, 9999):04} {r.randint(0, 9999):04}", "010-65529988", "+44 20 7946 0958"],
        "email": [f"user{i}@Example.com", f"{i}.work+crm@mail.example.org"],
        "website": "https://Example.com:8080/a/b?x=1&y=%E4%BD%A0#top", "address": "世纪大道100号\n环球金融中心 88层",
        "city": "上海", "province": "上海市", "postal_code": "200120", "country": "中国",
        "company": "示例科技（上海）有限公司", "job_title": "采购总监", "department": "采购部", "industry": "软件",
        "lead_source": "公众号", "lifecycle": "成交客户", "grade": "A级", "score": r.randint(0, 1000), "vip": True,
        "owner": "li.na", "credit_limit": {"amount": "100000.00", "currency": "CNY"},
        "first_contact": "2020", "last_contact": "2026-11-03T15:00:00.5+08:00", "notes": NOTE,
        "source": "erp",
        "identities": [{"kind": "external", "source": "erp", "value": f"C-{i:05}"},
                       {"kind": "external", "source": "shop", "value": 10000 + i},
                       {"kind": "wechat", "value": f"wx_{i}"}, {"kind": "企业微信", "value": f"ww-{i}"},
                       {"kind": "qq", "value": str(1234567 + i)}],
    }


def documents():
    r = random.Random(1)
    out = [json.dumps(person(r, i), ensure_ascii=i % 2 == 1, indent=i if i else None) for i in range(3)]
    out.append(json.dumps({
        "id": 17, "kind": "organisation", "revision": 4, "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-11-22T08:30:00.000001Z", "name": "Beispiel & Söhne GmbH", "phone": ["+49 30 123456"],
        "email": "info@example.de", "website": "example.de", "employees": 250, "country": "DE",
        "credit_limit": "250000.50 EUR", "notes": NOTE_EN, "first_contact": "2019-05-06",
        "identities": [{"kind": "tax_id", "value": "DE123456789"}],
        "origins": {"name": {"at": "2026-01-01T00:00:00Z", "source": "erp"}}}, ensure_ascii=False))
    labels = {"姓名": "张 伟", "手机号": ["13800138000", "138-0013-8001"], "邮箱": "zw@example.com", "城市": "深圳",
              "客户来源": "转介绍", "生命周期": "意向客户", "贵宾": "是", "负责人": "王芳", "信用额度": "￥5,000.00",
              "最近跟进时间": "2026-11-22 09:30", "备注": NOTE, "微信号": ["zw", "zw_2"],
              "客户编号": {"source": "erp", "value": "7"}}
    out.append(json.dumps(labels, ensure_ascii=False, indent=2))
    out.append(json.dumps({"name": "Many", "phone": [f"+86138001{i:05}" for i in range(60)],
                           "email": {"add": [f"a{i}@example.com" for i in range(30)], "remove": ["b@example.com"]}}))
    out.append(json.dumps({"name": "Ids", "identities": [
        {"kind": "external", "source": f"system {i % 7}", "value": f"{i:04}"} for i in range(50)]}))
    out.append(json.dumps({"name": None, "unknown": [[], {}, [1.5e-7, -0, True, None]], "emial": "x",
                           "phone": ["12", "x", {}], "score": 12345, "vip": "perhaps", "employer": 99}))
    out.append(json.dumps({"name": "Escapes", "notes": "\t\n" + "".join(map(chr, [*range(32, 127), *range(160, 0x180)])) + "😀𠀀\u2028" * 20}))
    out.append(json.dumps({"name": "Deep", "notes": [[[[[[[[[[[["x"]]]]]]]]]]]], "address": "line\n" * 60}))
    return [d.encode() for d in out]


# ---- models ----

def model_of_types(count, list_too):
    kinds = ["text", "integer", "decimal", "money", "date", "datetime", "boolean", "email", "phone", "url", "country",
             "language", "customer", "actor"]
    lines = ["crm: 1", "name: wide", "region: CN", "currency: CNY", "fields:"]
    for i in range(count):
        kind = kinds[i % len(kinds)]
        lines.append(f"  f{i}: {{type: {kind}" + (", list: true" if list_too and i % 3 == 0 else "") +
                     f", label: {{en: Field {i}, zh: 字段{i}}}}}")
    return "\n".join(lines) + "\n"


def models():
    with open(os.path.join(TOP, "src/model/default.yaml"), encoding="utf-8") as f:
        default = f.read()
    short = "\n".join(line for line in default.split("\n") if "sensitivity" not in line and "#" not in line)
    enum = "".join(f"      v{i}: {{en: [Value {i}, V{i}], zh: 值{i}}}\n" for i in range(60))
    shop = """crm: 1
name: my-shop
region: CN
currency: CNY
kinds:
  person: {label: {en: Person, zh: 个人}}
  organisation: {label: {en: [Organisation, Company], zh: [组织, 公司]}}
fields:
  name: {type: text, required: true, max: 200, label: {en: Name, zh: [姓名, 名称]}}
  member_no: {type: text, pattern: '[A-Z]{2}\\d{6}', unique: true, label: {zh: 会员卡号}}
  balance: {type: money, min: 0, class: transaction, label: {zh: 余额}}
  birthday: {type: date, min: 1900, max: 2030-12-31, kinds: [person]}
  seen: {type: datetime, min: 2000-01-01T00:00:00Z, sensitivity: internal}
  rate: {type: decimal, min: -0.5, max: 99.95, default: 1.25}
  words: {type: text, list: true, min: 1, max: 20, default: [a, b, 'c: d', "e\\u4e00"]}
  mentor: {type: customer, kinds: [person]}
identities:
  external: {type: text, per: source, unique: true, label: {en: External id, zh: 外部编号}}
  card: {type: text, max: 32, pattern: '(?:[0-9A-F]{2}:){3}[0-9A-F]{2}|\\d{8,12}'}
"""
    out = [
        default, short[:2500].rsplit("\n", 2)[0] + "\n", shop, shop.replace("\n", "\r\n"), "\ufeff" + shop,
        "crm: 1\nfields:\n  grade:\n    type: enum\n    default: v7\n    values:\n" + enum,
        model_of_types(42, False), model_of_types(30, True),
        # faults on many lines
        model_of_types(20, True).replace("type: ", "typ: ").replace("zh: 字段1", "en: Field 2"),
        shop.replace("max: 200", "max: -200").replace("per: source", "per: moon").replace("CNY", "ZZZ"),
    ]
    return [m.encode() for m in out]


# ---- stored records ----

def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def zigzag(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)


def datetime(us):
    """As crm__datetime_encode() in src/codec/value.c."""
    fine = us % 10**6 != 0
    n = us if fine else us // 10**6
    return varint((n << 1 if n >= 0 else (-n << 1) - 1) << 1 | fine)


def value(r, kind):
    number = r.choice([0, 1, -1, 63, 64, -64, -65, 2**31, -2**40, r.randint(-10**12, 10**12)])
    return {
        TEXT: lambda: (r.choice(SURNAMES) + r.choice(GIVEN) + r.choice(["", " Ltd.", NOTE[:r.randint(1, 40)]])).encode(),
        INTEGER: lambda: zigzag(number), DATETIME: lambda: datetime(1763800000000000 + number * r.choice([1, 10**6])),
        DECIMAL: lambda: bytes([r.randint(0, 6)]) + zigzag(number * 10 + 1),
        MONEY: lambda: b"CNY" + bytes([2]) + zigzag(number * 10 + 1),
        DATE: lambda: varint(r.randint(1900, 2030) * 512 + r.randint(1, 12) * 32 + r.randint(0, 28)),
        BOOLEAN: lambda: bytes([r.randint(0, 1)]), ENUM: lambda: varint(r.randint(1, 300)),
        EMAIL: lambda: f"user{r.randint(0, 999)}@example.com".encode(),
        PHONE: lambda: f"+86138{r.randint(0, 99999999):08}".encode(), URL: lambda: b"https://example.com/a?b=c",
        COUNTRY: lambda: r.choice([b"CN", b"DE", b"US"]), LANGUAGE: lambda: r.choice([b"zh-Hans", b"en", b"de-AT"]),
        CUSTOMER: lambda: varint(r.randint(1, 10**7)), ACTOR: lambda: b"li.na",
    }[kind]()


def record(seed, fields, origins, lists, flags=0, survivor=0):
    """As crm__record_encode() in src/codec/record.c writes it."""
    r = random.Random(seed)
    created = 1763800000000000 + seed
    updated, one = r.randint(0, 10**13) * (seed % 3 > 0), origins == 1
    out = bytes([2 << 5 | (not one) << 4 | (updated > 0) << 3 | seed % 2 << 2 | flags])
    out += varint(10**seed if seed < 12 else 7) + created.to_bytes(8, "little")
    if updated:
        out += zigzag(updated)
    if flags & 2:
        out += varint(survivor)
    out += b"" if one else varint(origins)
    for i in range(origins):
        out += varint(i % 5) + (b"" if one else zigzag(i * 86400000000 - seed))
    for i in range(fields):
        kind = i % 15 + 1
        count = r.randint(1, lists) if lists and kind != BOOLEAN and i % 3 == 0 else 0
        scoped = kind == TEXT and count > 0
        mixed = count > 1 and origins > 1 and i % 2 == 0
        items = [(varint(r.randint(1, 9)) if scoped else b"") + value(r, kind) for _ in range(count or 1)]
        payload = b"".join(varint(len(v)) + v for v in items) if count else items[0]
        step = 1 + r.choice([0, 0, 0, 5, 200])
        other = r.randrange(origins) << 4 | mixed << 3 | scoped << 2 | (count > 0) << 1
        out += bytes([(other > 0) << 7 | (step if step < 8 else 0) << 4 | kind])
        out += (varint(step) if step > 7 else b"") + (varint(other) if other else b"")
        if count or kind in (TEXT, EMAIL, PHONE, URL, LANGUAGE, ACTOR):
            out += varint(len(payload))
        out += payload
        if mixed:
            out += b"".join(varint(r.randrange(origins)) for _ in items)
    return out


def records():
    whole = [record(1, 60, 8, 6), record(2, 60, 200, 3), record(3, 15, 1, 0), record(4, 30, 3, 12),
             record(5, 8, 2, 60), record(6, 45, 4, 2, flags=1), record(7, 20, 2, 4, flags=2, survivor=10**6)]
    bent = bytearray(whole[0])
    bent[len(bent) // 2] ^= 0x40
    return whole + [whole[0][:-1], bytes(bent), whole[3] + b"\0"]


# ---- values: the first byte chooses a field of the model in fuzz_value.c ----

def id_blocks():
    """A row that is looked for, and a block of identity rows: of many values, of one, with long ids, and wrong ones."""
    out = []
    for seed, (prefix, width, count) in enumerate(((1, 3, 50), (0, 1, 1), (16, 2, 200), (9, 8, 12), (2, 4, 54), (15, 1, 9))):
        r = random.Random(seed)
        begin = r.randbytes(prefix)
        rows = sorted({(r.randbytes(16 - prefix), r.getrandbits(8 * width) or 1) for _ in range(count)})
        block = bytes((1, prefix, width)) + begin + b"".join(t + i.to_bytes(width, "big") for t, i in rows)
        near, number = rows[len(rows) // 2]
        out.append(begin + near + number.to_bytes(8, "big") + block)
        out.append(begin + near + (0).to_bytes(8, "big") + block[:-1])
        out.append(bytes(24) + block[:2] + bytes((width + 1,)) + block[3:])
    return out


def values():
    texts = [(0, NOTE * 3), (0, NOTE_EN), (8, "二〇二六年十一月二十二日"), (10, "2026-11-22T09:30:15.123456+08:00"),
             (0x80 | 10, "2026年11月22日 上午9:30"), (6, "人民币 １２，３４５，６７８．９０ 元"), (14, "a" * 60 + "+tag@" + "sub." * 30 + "Example.COM"),
             (15, "（0086）138－0013－8000 转 12"), (17, "HTTPS://用户.Example.com:8443/路径/%E4%BD%A0?" + "k=v&" * 60 + "#片段"),
             (22, "C-1001/" + "编号" * 40), (21, "li.na@" + "example." * 8 + "com")]
    return [bytes([which]) + text.encode() for which, text in texts]


# ---- tables ----

def table(r, separator, end, quoted):
    rows = [["姓名", "手机", "email", "city", "备注"]]
    for i in range(6):
        rows.append([r.choice(SURNAMES) + r.choice(GIVEN), f"138{r.randint(0, 99999999):08}",
                     f"user{i}@example.com", r.choice(["上海", "Köln", "Besançon"]),
                     r.choice(["", "a, b; c", 'said "yes"', "two\nlines"])])
    out = []
    for row in rows:
        cells = ['"' + c.replace('"', '""') + '"' if quoted or any(s in c for s in separator + '"\n\r') else c
                 for c in row]
        out.append(separator.join(cells) + end)
    return "".join(out)


def tables():
    r = random.Random(7)
    shapes = [(",", "\r\n", 0), (";", "\n", 1), ("\t", "\r", 0), ("|", "\n", 0)]
    out = [b"\x04" + table(r, *shape).encode() for shape in shapes]
    out.append(b"\x04" + table(r, *shapes[0]).encode() + '李,1\n李,1,2,3,4,5,6\n5" disk,"x"y,"open\n'.encode())
    return out


def texts():
    r = random.Random(8)
    plain = table(r, ",", "\r\n", 0)
    chinese = plain.replace("Köln", "北京").replace("Besançon", "深圳")
    western = table(r, ";", "\n", 0).translate({ord(c): "é" for c in SURNAMES + "".join(GIVEN) + "姓名手机上海备注"})
    coded = [b"\xef\xbb\xbf" + plain.encode(), plain.encode("utf-16"), plain.encode("utf-16-be"),
             plain.encode("gb18030"), chinese.encode("gb18030"), western.encode("cp1252")]
    coded.append(gzip.compress(plain.encode(), mtime=0))
    coded.append(plain.encode()[:200] + b"\xe5\xbc,\xff\n" + plain.encode()[200:] + b"\0")
    return [b"\x00\x02" + c for c in coded] + [b"\x03\x05" + coded[-1], b"\x07\x00" + coded[3]]


# ---- imports: the first byte as in fuzz_import.c ----

def imports():
    people = "name,phone,email,credit_limit,birth_date,lifecycle\n"
    orders = "email,time,amount,reference,quantity\n"
    customers = [
        people + "Li Na,13800138000,li.na@example.com,100,1990-05-01,lead\nEve,,eve@example.com,\"1,234.50\",,\n",
        people + "Other,13800138000,,,,\n,139,no mail,x,31/31/2024,nobody\n",
        people.replace(",", ";") + "A;;a@example.com;1.234;03/04/2024;\nB;;b@example.com;1.234,50;25/12/2023;\n",
        people + "A,,a@example.com,,,,x,,y\n,,,,\nB\n\"C\"\"\",,c@example.com,,,\n",
        "id,kind,name,email\n1,person,Li Na,\n2,,张伟,zw@example.com\n99,,Nobody,\n3,robot,Shop,\n",
        "姓名,手机号,邮箱,客户编号\n李娜,138 0013 8000,,E1\n张伟,13900139000、13700137000,a@x.cn;b@x.cn,E2\n王芳,1.38E+10,,\n",
        "Given Name,Family Name,Phone 1 - Value,E-mail 1 - Value,Labels\nJohn,Smith,+44 20 7946 0018 ::: 020,j@x.org,a ::: b\n",
        "name,external@erp,external@shop\nShop,7,\nNew,8,9\nShop,,9\n",
        table(random.Random(9), "\t", "\n", 0), people,
    ]
    events = [
        orders + "li.na@example.com,2026-01-02,12.50,R1,1\nli.na@example.com,2026-01-02T03:04:05Z,1 USD,R2,\n",
        orders + "nobody@example.com,2026-01-02,1,R3,\n,,,,\nli.na@example.com,soon,x,,0.5\n",
        "phone,日期,金额\n13800138000,2026年1月2日,￥12\n13900139000,2026/1/2,\"1.234,5\"\n13900139000,,12\n",
    ]
    lines = [
        '{"name":"N","email":"n@example.com","events":[{"kind":"visit"}]}\n\n{"nme":1}\n[]\n{"name":\n{"name":"N2","email":"n@example.com"}\n',
        '{"id":1,"name":"Li Na","phone":["13800138000"],"identities":[{"kind":"external","source":"erp","value":"9"}]}\n',
    ]
    event_lines = ['{"customer":1,"kind":"order","amount":"1 CNY"}\n{"customer":"phone=13900139000","kind":"visit"}\n'
                   '{"customer":{"email":"x@y.z"},"kind":"order"}\n{"customer":9,"kind":"order","amount":"1 CNY"}\n']
    out = [bytes([16 | policy << 1 | (32 if policy else 0)]) + t.encode() for t in customers for policy in range(4)]
    out += [bytes([flags]) + t.encode() for t in events for flags in (17, 49)]
    out += [bytes([flags]) + t.encode() for t in lines for flags in (24, 26, 56)]
    out += [bytes([25]) + t.encode() for t in event_lines]
    out += [b"\x10" + c[1:] for c in cards()] + [b"\x10" + b[1:] for b in books() if b[0] == 1]
    out += [b"\x10" + gzip.compress(customers[0].encode(), mtime=0), b"\x10" + customers[5].encode("gb18030"),
            b"\x10" + customers[5].encode("utf-16"), b"\x10\0\xff", b"\x18not json", b"\x10PK\x03\x04"]
    return out


# ---- cards and books ----

def cards():
    quoted = "=E5=BC=A0=\r\n=E4=BC=9F"
    texts = [
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:张伟\r\nN:张;伟;;;\r\nTEL;VALUE=uri;TYPE=\"cell,voice\":tel:+86-138;ext=1\r\n"
        "ADR;TYPE=home:;;世纪大道100号\\n88层;上海;;200120;中国\r\nBDAY:19850412\r\nEND:VCARD\r\n",
        "BEGIN:VCARD\nVERSION:3.0\nN:Public;John\\;Q.;;Mr.;Esq.\nitem1.EMAIL;type=INTERNET:j@x.org\n"
        "item1.X-ABLabel:_$!<Work>!$_\nNOTE:one\n two\nthree\nPHOTO;ENCODING=b:/9j/\n 4AAQ\nCATEGORIES:a,b\\,c\nEND:VCARD\n",
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:" + quoted + ";;;;\r\n"
        "TEL;CELL;VOICE:138\r\nPHOTO;JPEG;BASE64:\r\n /9j/4AAQ\r\n\r\nAGENT:\r\nBEGIN:VCARD\r\nFN:B\r\nEND:VCARD\r\n"
        "ORG:A;B;C\r\nEND:VCARD\r\n",
        "BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nrubbish\nEND:VCARD\nmore\nBEGIN:VCARD\nX-P;A=\"x^n^'\":y\n",
    ]
    coded = [t.encode() for t in texts]
    coded.append(texts[0].encode("utf-16"))
    coded.append(gzip.compress(coded[0], mtime=0))
    coded.append(coded[0].replace("张".encode(), b"\xe5\r\n \xbc\xa0"))
    return [b"\0" + c for c in coded] + [b"\x01FN;CHARSET=GBK;QUOTED-PRINTABLE:=D5=C5=\n =CE=B0\nEND:VCARD\n"]


def books():
    sheet = ("<worksheet><sheetData><row r='1'><c r='A1' t='s'><v>0</v></c><c r='B1' t='inlineStr'><is><t>b</t></is></c></row>"
             "<row><c s='1'><v>45443.5</v></c><c t='b'><v>1</v></c></row><row r='9'><c r='B9' t='e'><v>#N/A</v></c>"
             "<c r='A9' t='str'><f>1+1</f><v>x_x000D_&amp;</v></c></row></sheetData></worksheet>")
    strings = "<sst><si><t>姓名</t></si><si><r><t>a</t></r><rPh><t>n</t></rPh></si></sst>"
    styles = ("<styleSheet><numFmts><numFmt numFmtId='164' formatCode='yyyy&quot;年&quot;m/d h:mm'/></numFmts>"
              "<cellXfs><xf numFmtId='0'/><xf numFmtId='164'/></cellXfs></styleSheet>")
    book = "<workbook><workbookPr date1904='1'/><sheets><sheet name='a' state='visible' r:id='r1'/></sheets></workbook>"
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as z:
        rels = ("<Relationships><Relationship Id='r1' Type='x/worksheet' Target='/xl/s.xml'/></Relationships>")
        for name, text in (("xl/workbook.xml", book), ("xl/_rels/workbook.xml.rels", rels), ("xl/s.xml", sheet)):
            z.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    parts = ["\0".join(p).encode() for p in ((sheet, strings, styles, book), (sheet,), (sheet.replace("row", "r"), strings))]
    return [b"\0" + p for p in parts] + [b"\x01" + whole.getvalue(), b"\x01" + whole.getvalue()[:-30]]


def spans():
    """What day lists come to: days, widths, items, series of counts and sums."""
    days = b"\x05\0\0\x80"
    head = b"\x01" + days + b"\0\x03\x01\x02"
    amounts = b"\x04\x01\x02\x03" + b"".join(n.to_bytes(8, "little", signed=True) for n in (100050, -7, 2 ** 40))
    counted = b"\x02\0\0\x11\x01\0\x02" + b"".join(n.to_bytes(2, "little", signed=True) for n in (3, 0, -300))
    wide = b"\x02\xda\x0d\x0c\x04" + b"".join(n.to_bytes(16, "little", signed=True) for n in (10 ** 25, -1, 5))
    words = b"\x01" + days + b"\x01\x2c\x01\x01\0\xff\xff\0"
    whole = (head + b"\x01" + amounts, head + b"\x02" + counted + amounts, head + b"\x03" + counted + amounts + wide, words)
    return [asked + w for w in whole for asked in (b"\xff\xff\xff\xff", b"\0\0\0\x05")]


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
    total = 0
    for name, inputs in (("json", documents()), ("model", models()), ("record", records()), ("value", values()),
                         ("csv", tables()), ("text", texts()), ("vcard", cards()), ("xlsx", books()),
                         ("import", imports()), ("ids", id_blocks()), ("day_span", spans())):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        for data in inputs:
            with open(os.path.join(folder, name, hashlib.sha1(data).hexdigest()[:12]), "wb") as f:
                f.write(data)
            total += len(data)
        print(f"{name}: {len(inputs)} inputs, {sum(map(len, inputs))} bytes")
    print(f"{total} bytes")


main()
