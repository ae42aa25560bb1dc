# SPDX-License-Identifier: MIT
"""The examples of the page of the segment language, by looking at every customer and event.

    language.py customers            writes random customers, a document a line
    language.py ask PAGE CUSTOMERS   asks each example of the page and compares the answer

The tool gives the tree of an example as JSON, as the page describes it; nothing else of the library
is used to say who is meant.  CRM_SEED is the seed.
"""
import calendar
import datetime as dt
import json
import os
import random
import subprocess
import sys
import unicodedata
from fractions import Fraction

SEED = int(os.environ.get("CRM_SEED", "20261122"))
UTC = dt.timezone.utc
MANY = 400


# ---- customers ----

def stamp(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def moments(now):
    """Times at some distance from the edges of the windows of the page."""
    ago = [dt.timedelta(minutes=m) for m in (7, 50, 200, 700, 1300)]
    ago += [dt.timedelta(days=d, minutes=13) for d in (1, 2, 6, 9, 20, 40, 55, 80, 100, 200, 300, 400)]
    ahead = [-dt.timedelta(hours=h, minutes=5) for h in (3, 20, 70, 200, 500)]
    fixed = ["2025-10-03T08:00:00Z", "2025-06-30T09:00:00Z", "2024-12-31T23:00:00Z", "2025-02-10T01:00:00Z"]
    return [stamp(now - a) for a in ago + ahead] + fixed


def event(rnd, now):
    kind = rnd.choice(["order", "order", "quote", "complaint", "call", "visit", "feedback"])
    e = {"kind": kind, "time": rnd.choice(moments(now))}
    if kind in ("order", "quote") and rnd.random() < 0.9:
        e["amount"] = "%d.%02d %s" % (rnd.choice([20, 90, 400, 600, 1500]), rnd.randrange(100),
                                      rnd.choice(["CNY", "CNY", "CNY", "USD"]))
        e["product"] = rnd.choice(["tea", "cup", "茶"])
    if kind == "order":
        e["channel"] = rnd.choice(["web", "store"])
    if kind == "quote":
        e["valid_until"] = (now + dt.timedelta(days=rnd.randrange(-9, 20))).strftime("%Y-%m-%d")
    if kind == "complaint":
        e["severity"] = rnd.choice(["low", "medium", "high"])
    if kind == "call":
        e["direction"] = rnd.choice(["in", "out"])
    if kind == "feedback":
        e["score"] = rnd.randrange(11)
    if rnd.random() < 0.4:
        e["source"] = rnd.choice(["shop", "erp"])
    return e


def customer(rnd, now, number):
    day = now + dt.timedelta(days=rnd.randrange(-12, 20))
    c = {"kind": rnd.choice(["person", "person", "organisation"]),
         "name": rnd.choice(["张伟", "Li Na", "O'Brien Ltd", "o'brien", "Anna", "刘伟强"])}

    def put(key, value, chance=0.8):
        if rnd.random() < chance:
            c[key] = value

    put("score", rnd.choice([0, 250, 300, 350, 400, 500, 501, 700, 900]))
    put("vip", rnd.random() < 0.5)
    put("grade", rnd.choice("abc"))
    put("country", rnd.choice(["CN", "DE", "US"]))
    put("city", rnd.choice(["上海", "北京", "Berlin"]))
    put("lead_source", rnd.choice(["web", "wechat", "referral"]))
    put("email", ["%s%d@example.%s" % (rnd.choice(["a", "B"]), number, rnd.choice(["com", "org"]))], 0.6)
    put("phone", [rnd.choice(["+86138001380%02d" % (number % 90), "+4915123456%03d" % number])], 0.7)
    put("owner", rnd.choice(["li.na", "wang"]))
    put("credit_limit", "%d %s" % (rnd.choice([500, 15000, 60000]), rnd.choice(["CNY", "USD"])))
    put("first_contact", rnd.choice([day.strftime("%Y-%m-%d"), "2025-06-29", "2025-06-30", "2024-11", "2024"] +
                                    [m[:10] for m in moments(now)]))
    put("last_contact", rnd.choice(moments(now)))
    if c["kind"] == "person":
        put("birth_date", rnd.choice(["1990", "1990-07-01", "1991-05", "1991-08-15", "1991-08-16", "2000-02-29",
                                      day.strftime("1985-%m-%d"), now.strftime("1970-%m-%d")]))
        if number > 42:
            put("employer", rnd.choice([42, 41]), 0.3)
    else:
        put("employees", rnd.choice([5, 40, 2000]))
    tags = ["region:cn/east/shanghai", "region:cn/east", "region:cn/south", "region:cn", "value:high",
            "behaviour:active", "behaviour:churn-risk", "interest:board games", "interest:tea"]
    c["tags"] = sorted(rnd.sample(tags, rnd.randrange(5)))
    c["events"] = [event(rnd, now) for _ in range(rnd.choice([0, 0, 1, 2, 4, 7]))]
    return c


def write_customers():
    rnd, now = random.Random(SEED), dt.datetime.now(UTC)
    for number in range(1, MANY + 1):
        print(json.dumps(customer(rnd, now, number), ensure_ascii=False))


# ---- values ----

MONEY = {"credit_limit", "amount"}
DATES = {"birth_date", "first_contact", "valid_until"}
TIMES = {"last_contact", "created_at", "updated_at"}
UNITS = {"month": 1, "quarter": 3, "year": 12}


def partial(text):
    """A date, of which month and day may not be known, as three numbers."""
    parts = [int(p) for p in text.split("-")] + [0, 0]
    return tuple(parts[:3])


def instant(text):
    if "T" not in text:
        y, m, d = partial(text)
        return dt.datetime(y, m or 1, d or 1, tzinfo=UTC)
    t = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return t if t.tzinfo else t.replace(tzinfo=UTC)


def behind(p):
    """The year, month or day behind one."""
    y, m, d = p
    if d:
        t = dt.date(y, m, d) + dt.timedelta(days=1)
        return (t.year, t.month, t.day)
    if m:
        return (y + m // 12, m % 12 + 1, 0)
    return (y + 1, 0, 0)


def moved(t, n, unit):
    if unit in ("minute", "hour"):
        return t + n * dt.timedelta(**{unit + "s": 1})
    if unit in ("day", "week"):
        return t + n * dt.timedelta(days=7 if unit == "week" else 1)
    month = t.year * 12 + t.month - 1 + n * UNITS[unit]
    y, m = month // 12, month % 12 + 1
    return t.replace(year=y, month=m, day=min(t.day, calendar.monthrange(y, m)[1]))


def begun(t, unit):
    if unit == "minute":
        return t.replace(second=0, microsecond=0)
    if unit == "hour":
        return t.replace(minute=0, second=0, microsecond=0)
    t = t.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return t - dt.timedelta(days=t.weekday())
    if unit in UNITS:
        t = t.replace(day=1, month={"month": t.month, "quarter": (t.month - 1) // 3 * 3 + 1, "year": 1}[unit])
    return t


TICK = dt.timedelta(microseconds=1)


def window(w, now):
    """Instants from <= t < until, None being open."""
    unit = w.get("unit")
    if "last" in w:
        return moved(now, -w["last"], unit), now + TICK
    if "next" in w:
        return now + TICK, moved(now, w["next"], unit) + TICK
    if "this" in w:
        at = begun(now, w["this"])
        return at, moved(at, 1, w["this"])
    if "previous" in w:
        at = begun(now, unit)
        return moved(at, -w["previous"], unit), at
    if "coming" in w:
        at = moved(begun(now, unit), 1, unit)
        return at, moved(at, w["coming"], unit)
    if "since" in w:
        return instant(w["since"]), None
    if "before" in w:
        return None, instant(w["before"])
    a, b = (w["on"], w["on"]) if "on" in w else w["between"]
    return instant(a), instant(b) if "T" in b else instant("%d-%d-%d" % behind(partial(b)))


def days(w, now):
    """The same of dates: parts of which only month or year is known stand before its days."""
    if "on" in w or "between" in w:
        a, b = (w["on"], w["on"]) if "on" in w else w["between"]
        return partial(a), behind(partial(b))
    if "since" in w:
        return partial(w["since"]), None
    if "before" in w:
        return None, partial(w["before"])
    a, b = window(w, now)
    b -= TICK
    return (a.year, a.month, a.day), behind((b.year, b.month, b.day))


def inside(v, bounds):
    return (bounds[0] is None or v >= bounds[0]) and (bounds[1] is None or v < bounds[1])


def in_window(key, v, w, now):
    return inside(partial(v), days(w, now)) if key in DATES else inside(instant(v), window(w, now))


def money(v):
    if isinstance(v, dict):
        return Fraction(v["amount"]), v.get("currency", "CNY")
    amount, _, currency = str(v).partition(" ")
    return Fraction(amount), currency or "CNY"


def folded(text):
    return unicodedata.normalize("NFKC", text).casefold()


def told(a, op, b):
    return {"=": a == b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op]


def one_passes(key, v, c, now):
    op, values = c["op"], c.get("values", [c.get("value")])
    if op == "in" and "window" in c:
        return in_window(key, v, c["window"], now)
    if key in MONEY:
        v, currency = money(v)
        amounts = [money(x) for x in values]
        if op == "between" and currency == amounts[1][1]:
            return amounts[0][0] <= v <= amounts[1][0]
        return op != "between" and any(told(v, "=" if op == "in" else op, a) for a, k in amounts if k == currency)
    if op in ("starts with", "contains"):
        v, b = folded(v), folded(values[0])
        return v.startswith(b) if op == "starts with" else b in v
    if key in DATES or key in TIMES:
        read = partial if key in DATES else instant
        v, values = read(v), [read(x) for x in values]
    elif isinstance(v, (int, Fraction)) and not isinstance(v, bool):
        values = [Fraction(x) for x in values]
    elif key == "email":
        v, values = v.lower(), [x.lower() for x in values]
    if op == "between":
        return values[0] <= v <= values[1]
    return v in values if op == "in" else told(v, op, values[0])


def passes(key, have, c, now):
    """A comparison with a value, a list of them, or nothing (None)."""
    op = c["op"]
    have = [] if have is None else have if isinstance(have, list) else [have]
    if op in ("is empty", "is not empty"):
        return (not have) == (op == "is empty")
    if op == "!=" or op.startswith("not "):
        return not passes(key, have, dict(c, op="=" if op == "!=" else op[4:]), now)
    return any(one_passes(key, v, c, now) for v in have)


# ---- events ----

def counts(e, spec, now):
    if spec["kind"] not in ("*", e["kind"]):
        return False
    if "window" in spec and not inside(instant(e["time"]), window(spec["window"], now)):
        return False
    return all(passes(t["attribute"], e.get(t["attribute"]), t, now) for t in spec.get("where", []))


def total(how, events, key, wanted):
    """What is compared: None of nothing."""
    values = [e[key] for e in events if key in e]
    if how == "distinct":
        return len(set(values))
    if key in MONEY:
        values = [money(v)[0] for v in values if money(v)[1] == wanted]
    if how == "sum":
        return sum(values, Fraction(0))
    if not values:
        return None
    return sum(values, Fraction(0)) / len(values) if how == "avg" else min(values) if how == "min" else max(values)


def compared(node, how, c, now):
    spec = node[how]
    events = sorted((e for e in c["events"] if counts(e, spec, now)), key=lambda e: instant(e["time"]))
    if how == "count":
        return passes("", len(events), node, now)
    if how in ("first", "last"):
        at = events[0 if how == "first" else -1]["time"] if events else None
        return passes("created_at", at, node, now)
    values, key = node.get("values", [node.get("value")]), spec["attribute"]
    v = total(how, events, key, money(values[-1])[1] if key in MONEY else "")
    if key in MONEY and how != "distinct":
        node = dict(node, values=[money(x)[0] for x in values])
    return passes("", v, node, now)


def follows(node, c, now):
    then = node.get("followed by") or node["not followed by"]
    within = node.get("within")
    for a in c["events"]:
        if not counts(a, node["event"], now):
            continue
        at = instant(a["time"])
        end = moved(at, within["count"], within["unit"]) if within else None
        some = any(counts(b, then, now) and instant(b["time"]) > at and (not end or instant(b["time"]) <= end)
                   for b in c["events"])
        if some == ("followed by" in node):
            return True
    return False


# ---- customers ----

def has_tag(c, tag):
    if tag.endswith(":*"):
        return any(t.startswith(tag[:-1]) for t in c["tags"])
    return any(t == tag or (tag.startswith("region:") and t.startswith(tag + "/")) for t in c["tags"])


def comes_round(text, w, now):
    y, m, d = partial(text) if text else (0, 0, 0)
    if not d:
        return False
    bounds = days(w, now)
    for year in range(now.year - 3, now.year + 4):
        day = 28 if (m, d) == (2, 29) and not calendar.isleap(year) else d
        if inside((year, m, day), bounds):
            return True
    return False


def holds(node, c, now):
    for how in ("count", "sum", "min", "max", "avg", "distinct", "first", "last"):
        if how in node:
            return compared(node, how, c, now)
    if "all" in node or "none" in node:
        return "all" in node
    if "and" in node:
        return all(holds(x, c, now) for x in node["and"])
    if "or" in node:
        return any(holds(x, c, now) for x in node["or"])
    if "not" in node:
        return not holds(node["not"], c, now)
    if "tag" in node:
        some = [has_tag(c, t) for t in node["tag"]]
        return {"any": any(some), "all": all(some), "none": not any(some)}[node.get("match", "any")]
    if "field" in node:
        return passes(node["field"], c.get(node["field"]), node, now)
    if "anniversary" in node:
        return comes_round(c.get(node["anniversary"]), node["window"], now) == (node["op"] == "in")
    if "segment" in node:
        return node["segment"] == "vip" and c.get("vip") is True
    if "followed by" in node or "not followed by" in node:
        return follows(node, c, now)
    return any(counts(e, node["event"], now) for e in c["events"])


# ---- asking ----

def crm(*args):
    done = subprocess.run([os.environ["CRM"], *args], capture_output=True, text=True)
    if done.returncode:
        sys.exit("crm %s: %s" % (" ".join(args), done.stderr))
    return done.stdout


def examples(page):
    for block in open(page, encoding="utf-8").read().split("```segment\n")[1:]:
        yield from (e.strip() for e in block.split("```")[0].split("\n\n") if e.strip())


def ask(page, path):
    customers = [json.loads(line) for line in open(path, encoding="utf-8")]
    for c in customers:
        c.setdefault("score", 0)  # as the built-in model says
        c.setdefault("vip", False)
    for line in crm("list", "--json", "--fields", "id,created_at,updated_at").splitlines():
        row = json.loads(line)
        customers[row["id"] - 1].update(row)
    some, n = 0, 0
    for n, text in enumerate(examples(page), 1):
        now = dt.datetime.now(UTC)
        tree = json.loads(crm("segment", "check", text, "--json"))
        tree = tree.get("segment", tree) if isinstance(tree.get("segment"), dict) else tree
        got = {json.loads(x)["id"] for x in crm("list", "--where", text, "--json", "--fields", "id").splitlines()}
        want = {c["id"] for c in customers if holds(tree, c, now)}
        if got != want:
            first = min(got ^ want)
            sys.exit("seed %d: %s\nanswers %d, should be %d; %s has customer %d:\n%s\n%s" %
                     (SEED, text, len(got), len(want), "only the answer" if first in got else "the answer lacks",
                      first, json.dumps(tree, ensure_ascii=False), json.dumps(customers[first - 1], ensure_ascii=False)))
        some += 0 < len(got) < len(customers)
    if n < 48 or some < n * 3 // 4:
        sys.exit("seed %d: %d examples, %d of them true of some customers and not of all" % (SEED, n, some))


if sys.argv[1] == "customers":
    write_customers()
else:
    ask(sys.argv[2], sys.argv[3])
