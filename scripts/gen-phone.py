#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Make src/base/phone_table.c and tests/unit/base/phone_cases.h from Debian's python3-phonenumbers.

usage: gen-phone.py [--check | --self-test]
    --check      exit 1 if a file differs from what would be made; 77 if the package of the version
                 that made the present table is not installed
    --self-test  compare the automata with Python's own regular expressions on random digits

Every pattern of the metadata is a finite language over the digits, so it becomes a directed graph
without cycles.  Nodes are made bottom-up and looked up by (output, children) in one dictionary for
all patterns, which gives at once the smallest automata and the sharing between them.  Node 0 is the
state from which nothing can be accepted.
"""
import os
import re
import sys

try:
    import phonenumbers
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberFormat
except ImportError:
    print("gen-phone: needs the Debian package python3-phonenumbers")
    sys.exit(77)

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLE = "src/base/phone_table.c"
CASES = "tests/unit/base/phone_cases.h"
VERSION = phonenumbers.__version__
E164_DIGITS = 15
TYPES = ("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number",
         "voip", "pager", "uan", "voicemail")
NOTICE = """\
/* SPDX-License-Identifier: Apache-2.0
 * %s
 * Made by scripts/gen-phone.py; do not edit.
 *
 * Source: the metadata of libphonenumber, as packaged in python3-phonenumbers %s.
 * Copyright 2009-2022 The Libphonenumber Authors, David Drysdale and contributors.
 * Licensed under the Apache License, Version 2.0 (http://www.apache.org/licenses/LICENSE-2.0).
 * Changed from the source: %s
 */
"""


# ---- patterns -----------------------------------------------------------------------------------
# A node: ("set", mask of digits), ("cat", nodes), ("alt", nodes), ("rep", node, low, high),
# ("group", number, node), ("end",).

class Pattern:
    """The part of the regular expression syntax the metadata uses.  Anything else stops the run."""

    def __init__(self, text):
        self.text, self.at, self.groups = text, 0, 0
        self.tree = self.alt()
        if self.at != len(text):
            sys.exit(f"gen-phone: pattern not understood: {text!r} at {self.at}")

    def peek(self, what):
        return self.text.startswith(what, self.at)

    def take(self, what):
        if not self.peek(what):
            return False
        self.at += len(what)
        return True

    def alt(self):
        ways = [self.cat()]
        while self.take("|"):
            ways.append(self.cat())
        return ("alt", ways) if len(ways) > 1 else ways[0]

    def cat(self):
        parts = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            part = self.atom()
            m = re.compile(r"\{(\d+)(?:,(\d+))?\}").match(self.text, self.at)
            if self.take("?"):
                part = ("rep", part, 0, 1)
            elif m:
                self.at = m.end()
                part = ("rep", part, int(m[1]), int(m[2] or m[1]))
            parts.append(part)
        return ("cat", parts)

    def atom(self):
        if self.take("\\d"):
            return ("set", 0x3ff)
        if self.take("$"):
            return ("end",)
        if self.take("(?:"):
            inner = self.alt()
        elif self.take("("):
            self.groups += 1
            number = self.groups
            inner = ("group", number, self.alt())
        elif self.take("["):
            mask, body = 0, self.text[self.at:self.text.index("]", self.at)]
            for m in re.finditer(r"(\d)(?:-(\d))?|(.)", body):
                for d in range(int(m[1]), int(m[2] or m[1]) + 1):
                    mask |= 1 << d
            self.at += len(body) + 1
            return ("set", mask)
        elif self.text[self.at] in "0123456789":
            self.at += 1
            return ("set", 1 << int(self.text[self.at - 1]))
        else:
            sys.exit(f"gen-phone: pattern not understood: {self.text!r} at {self.at}")
        if not self.take(")"):
            sys.exit(f"gen-phone: unclosed group: {self.text!r}")
        return inner


class Program:
    """Instructions of a backtracking matcher, first choice first:
    ("set", mask, next), ("split", first, second), ("save", which, next), ("end", next),
    ("match",)"""

    def __init__(self, tree, group=0):
        self.code, self.group = [], group
        self.start = self.emit(tree, self.add(("match",)))

    def add(self, op):
        self.code.append(op)
        return len(self.code) - 1

    def emit(self, tree, then):
        kind = tree[0]
        if kind == "set":
            return self.add(("set", tree[1], then))
        if kind == "end":
            return self.add(("end", then))
        if kind == "cat":
            for part in reversed(tree[1]):
                then = self.emit(part, then)
            return then
        if kind == "alt":
            starts = [self.emit(way, then) for way in tree[1]]
            here = starts.pop()
            for way in reversed(starts):
                here = self.add(("split", way, here))
            return here
        if kind == "group":
            if tree[1] != self.group:
                return self.emit(tree[2], then)
            return self.add(("save", 0, self.emit(tree[2], self.add(("save", 1, then)))))
        _, inner, low, high = tree
        here = then
        for _ in range(high - low):
            here = self.add(("split", self.emit(inner, here), then))
        for _ in range(low):
            here = self.emit(inner, here)
        return here


class Graph:
    def __init__(self):
        self.nodes = [(0, (0,) * 10)]
        self.ids = {self.nodes[0]: 0}

    def node(self, out, children):
        key = (out, tuple(children))
        if key not in self.ids:
            self.ids[key] = len(self.nodes)
            self.nodes.append(key)
        return self.ids[key]

    def run(self, state, digits):
        for d in digits:
            state = self.nodes[state][1][int(d)]
        return state


class Language:
    """Sets of texts: states are sorted tuples of instruction numbers."""

    def __init__(self, patterns):
        self.code, start = [], []
        for text in patterns:
            program = Program(Pattern(text).tree)
            base = len(self.code)
            for op in program.code:
                moved = [op[0]] + [x + base for x in op[1:]]
                if op[0] == "set":
                    moved[1] = op[1]
                self.code.append(tuple(moved))
            start.append(program.start + base)
        self.start = self.close(start)
        self.steps, self.masks = {}, {}

    def close(self, todo):
        todo, seen, out = list(todo), set(), set()
        while todo:
            pc = todo.pop()
            if pc in seen:
                continue
            seen.add(pc)
            op = self.code[pc]
            if op[0] == "split":
                todo += op[1:]
            else:
                out.add(pc)
        return tuple(sorted(out))

    def step(self, state, digit):
        key = (state, digit)
        if key not in self.steps:
            ops = (self.code[pc] for pc in state)
            self.steps[key] = self.close(
                op[2] for op in ops if op[0] == "set" and op[1] >> digit & 1)
        return self.steps[key]

    def accepts(self, state):
        return any(self.code[pc][0] == "match" for pc in state)

    def lengths(self, state):
        """Mask of the lengths of what can still follow."""
        if state not in self.masks:
            mask = int(self.accepts(state))
            for d in range(10):
                after = self.step(state, d)
                if after:
                    mask |= self.lengths(after) << 1
            self.masks[state] = mask
        return self.masks[state]


def build_general(graph, pattern):
    """The automaton of the whole pattern: output 1 where it accepts."""
    language, made = Language([pattern]), {(): 0}

    def visit(state):
        if state not in made:
            children = [visit(language.step(state, d)) for d in range(10)]
            made[state] = graph.node(int(language.accepts(state)), children)
        return made[state]

    return visit(language.start)


def build_valid(graph, general, types, possible, usual):
    """The automaton of the numbers taken as valid under a calling code; the arguments are what
    Rules holds."""
    general, types, made = Language(general), Language(types), {}

    def visit(state, kind, depth, lead):
        if not state or not possible >> depth:
            return 0
        if depth == 2:
            lead = types.lengths(kind) << 2 or -1
        key = (state, kind, depth, lead)
        if key not in made:
            children = [visit(general.step(state, d), types.step(kind, d), depth + 1, lead)
                        for d in range(10)]
            out = (possible >> depth & 1 and general.accepts(state)
                   and (types.accepts(kind) or usual & lead & 1 << depth))
            made[key] = graph.node(int(bool(out)), children)
        return made[key]

    return visit(general.start, types.start, 0, 0)


# Outputs of prefix automata: bit 0 a match ends here, bit 1 a match ends here if the text does,
# bit 2 the group took part, bits 3-6 where it begins, bits 7-10 where it ends.
def build_prefix(graph, text, group):
    """The automaton of a prefix, with the preferences of a backtracking matcher: threads stand in
    order of preference, and those behind one that has matched are dropped."""
    program, made = Program(Pattern(text).tree, group), {}

    def spread(threads, depth):
        out, seen, run = [], set(), []
        todo = [(pc, tags, False) for pc, tags in reversed(threads)]
        while todo:
            pc, tags, at_end = todo.pop()
            if (pc, tags, at_end) in seen:
                continue
            seen.add((pc, tags, at_end))
            op = program.code[pc]
            if op[0] == "split":
                todo += [(op[2], tags, at_end), (op[1], tags, at_end)]
            elif op[0] == "save":
                new = (depth, None) if op[1] == 0 else (tags[0], depth)
                todo.append((op[2], new, at_end))
            elif op[0] == "end":
                todo.append((op[1], tags, True))
            elif op[0] == "set":
                if not at_end:
                    run.append((pc, tags))
            else:
                value = 2 if at_end else 1
                if tags[1] is not None:
                    value |= 4 | tags[0] << 3 | tags[1] << 7
                out.append(value)
                if not at_end:
                    break
        if len(out) > 1 or (out and out[0] >= 1 << 11):
            sys.exit(f"gen-phone: prefix too involved: {text!r}")
        return tuple(run), out[0] if out else 0

    def visit(threads, depth):
        if not threads:
            return 0
        key = (threads, depth)
        if key not in made:
            run, out = spread(threads, depth)
            children = []
            for d in range(10):
                ops = ((program.code[pc], tags) for pc, tags in run)
                after = tuple((op[2], tags) for op, tags in ops if op[1] >> d & 1)
                children.append(visit(after, depth + 1))
            made[key] = graph.node(out, children)
        return made[key]

    return visit(((program.start, (None, None)),), 0)


# ---- metadata -----------------------------------------------------------------------------------

def metadata_of(code, region):
    return PhoneMetadata.metadata_for_region_or_calling_code(code, region)


def mask_of(lengths):
    return sum(1 << n for n in lengths if n > 0)


class Rules:
    """Which numbers under a calling code are taken as valid.

    The length is one that whole numbers have, with at most 15 digits with the code; the general
    pattern of a region of the code fits; and either the pattern of a kind of number (fixed line,
    mobile ...) fits too, or, since ranges are opened after the metadata was made, the length is a
    usual one (of a mobile number, or of the example of a fixed line), and one that numbers of any
    kind beginning with the same two digits have, where there are such numbers."""

    def __init__(self, code):
        datas = [metadata_of(code, r) for r in COUNTRY_CODE_TO_REGION_CODE[code]]
        kinds = [[getattr(d, name) for name in TYPES] for d in datas]
        self.general = [d.general_desc.national_number_pattern for d in datas]
        self.types = [k.national_number_pattern for ks in kinds for k in ks
                      if k is not None and k.national_number_pattern]
        longest = (1 << E164_DIGITS - len(str(code)) + 1) - 1
        self.possible = mask_of(datas[0].general_desc.possible_length) & longest
        self.usual = 0
        for fixed, mobile, *_ in kinds:
            if mobile is not None:
                self.usual |= mask_of(mobile.possible_length)
            if fixed is not None and fixed.example_number:
                self.usual |= 1 << len(fixed.example_number)
        self.usual = self.usual or self.possible
        self.leads = None

    def fits(self, number):
        """By Python's regular expressions, except for the lengths of a beginning."""
        if not any(re.fullmatch(p, number) for p in self.general):
            return False
        if any(re.fullmatch(p, number) for p in self.types):
            return True
        self.leads = self.leads or Language(self.types)
        state = self.leads.start
        for d in number[:2]:
            state = self.leads.step(state, int(d))
        lead = self.leads.lengths(state) << 2
        return bool(self.usual >> len(number) & 1 and (not lead or lead >> len(number) & 1))


class Model:
    """All plans (regions, then codes without region) and calling codes, and their automata."""

    def __init__(self):
        self.graph, self.plans, self.codes, self.valid = Graph(), [], [], {}
        regions = sorted(phonenumbers.SUPPORTED_REGIONS)
        todo = [(r, PhoneMetadata.metadata_for_region(r)) for r in regions]
        todo += [("", metadata_of(code, "001")) for code, rs in
                 sorted(COUNTRY_CODE_TO_REGION_CODE.items()) if rs == ("001",)]
        for region, data in todo:
            self.plans.append(self.plan(region, data))
        main = {p["region"] or p["code"]: i for i, p in enumerate(self.plans)}
        for code, rs in sorted(COUNTRY_CODE_TO_REGION_CODE.items()):
            rules = Rules(code)
            self.valid[code] = build_valid(self.graph, rules.general, rules.types, rules.possible,
                                           rules.usual)
            self.codes.append((code, main[code if rs == ("001",) else rs[0]], self.valid[code]))
        if len(self.plans) > 255 or len(self.codes) > 255 or len(self.graph.nodes) > 65535:
            sys.exit("gen-phone: the tables have outgrown their index types")

    def plan(self, region, data):
        trunk = data.national_prefix_for_parsing or ""
        rule = data.national_prefix_transform_rule or ""
        groups, insert = Pattern(trunk).groups if trunk else 0, ""
        if rule:
            insert, number = re.fullmatch(r"(\d{0,5}?)\\(\d)", rule).groups()
            if int(number) != groups:
                sys.exit(f"gen-phone: transform rule not understood: {rule!r}")
        desc = data.general_desc
        return {
            "region": region, "code": data.country_code, "insert": insert,
            "general": build_general(self.graph, desc.national_number_pattern),
            "trunk": build_prefix(self.graph, trunk, groups if rule else 0) if trunk else 0,
            "abroad": build_prefix(self.graph, data.international_prefix, 0)
                      if data.international_prefix else 0,
            "lengths": mask_of(desc.possible_length),
            "local": mask_of(desc.possible_length_local_only),
        }


def wrap(words, indent="    ", width=100):
    lines, line = [], indent
    for word in words:
        if len(line) + len(word) > width:
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    return lines + [line.rstrip()]


def table(model):
    nodes, plans = model.graph.nodes, model.plans
    out = [NOTICE % ("The numbering plans of the world, for phone.c; see phone_table.h.", VERSION,
                     "reduced to what\n * parsing needs, and compiled to automata."),
           '#include "base/phone_table.h"', "",
           "const char crm__phone_source[] =",
           f'    "libphonenumber metadata, phonenumbers {VERSION}";', "",
           f"const crm__phone_state crm__phone_states[{len(nodes)}] = {{"]
    for state, children in nodes:
        out.append(f"    {{{{{', '.join(map(str, children))}}}, {state}}},")
    out += ["};", "", f"const crm__phone_plan crm__phone_plans[{len(plans)}] = {{"]
    for p in plans:
        out.append(f'    {{0x{p["lengths"]:x}, 0x{p["local"]:x}, {p["code"]}, {p["general"]}, '
                   f'{p["trunk"]}, {p["abroad"]}, "{p["insert"]}"}}, /* {p["region"] or "none"} */')
    out += ["};", "", f"const crm__phone_code crm__phone_codes[{len(model.codes) + 1}] = {{",
            "    {0, 0, 0},"]
    out += [f"    {{{code}, {main}, {valid}}}," for code, main, valid in model.codes]
    out += ["};", "", "const uint8_t crm__phone_code_index[1000] = {"]
    index = {code: i + 1 for i, (code, _, _) in enumerate(model.codes)}
    out += wrap(f"{index.get(code, 0)}," for code in range(1000))
    out += ["};", "", "const uint8_t crm__phone_region_index[26 * 26] = {"]
    at = {p["region"]: i + 1 for i, p in enumerate(plans) if p["region"]}
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    out += wrap(f"{at.get(a + b, 0)}," for a in letters for b in letters)
    return "\n".join(out + ["};", ""])


# ---- test cases ---------------------------------------------------------------------------------

class Random:
    """splitmix64: the same numbers whatever the Python."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
        return z ^ z >> 31

    def below(self, n):
        return self.next() % n

    def pick(self, items):
        return items[self.below(len(items))]


RULES = {}


def judge(text, region):
    """(E.164, "") or ("", reason) by the reference: S too short, L too long, C unknown country
    code, N any other.  The reading is that of phonenumbers' parse; a number that its
    is_valid_number takes as valid is valid here if it can be dialled from abroad, and one that does
    not fit its general pattern is not; what lies between is decided by Rules."""
    try:
        numobj = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException as e:
        return "", {e.TOO_SHORT_AFTER_IDD: "S", e.TOO_SHORT_NSN: "S", e.TOO_LONG: "L",
                    e.INVALID_COUNTRY_CODE: "C"}.get(e.error_type, "N")
    code, number = numobj.country_code, phonenumbers.national_significant_number(numobj)
    kind = phonenumbers.ValidationResult
    result = phonenumbers.is_possible_number_with_reason(numobj)
    if result == kind.TOO_LONG or len(str(code)) + len(number) > E164_DIGITS:
        return "", "L"
    if result == kind.TOO_SHORT:
        return "", "S"
    if code not in RULES:
        RULES[code] = Rules(code)
    fits = result == kind.IS_POSSIBLE and RULES[code].fits(number)
    if result == kind.IS_POSSIBLE and phonenumbers.is_valid_number(numobj) and not fits:
        sys.exit(f"gen-phone: +{code}{number} is valid and refused")
    return (f"+{code}{number}", "") if fits else ("", "N")


def examples():
    """(region, E.164, national, international) of every example number of the metadata that the
    reference itself reads back from each writing."""
    rows, seen = [], set()
    for code, regions in sorted(COUNTRY_CODE_TO_REGION_CODE.items()):
        for region in sorted(regions):
            data = metadata_of(code, region)
            home = "" if region == "001" else region
            for name in TYPES:
                desc = getattr(data, name)
                if desc is None or not desc.example_number:
                    continue
                number = phonenumbers.parse(f"+{code}{desc.example_number}")
                ways = [phonenumbers.format_number(number, f) for f in (
                    PhoneNumberFormat.E164, PhoneNumberFormat.NATIONAL,
                    PhoneNumberFormat.INTERNATIONAL)]
                if not home:
                    ways[1] = ways[0]
                if (home, ways[0]) in seen or any(judge(w, home)[0] != ways[0] for w in ways):
                    continue
                seen.add((home, ways[0]))
                rows.append((home, *ways))
    return rows


def differential(rows):
    """(region, text, E.164, reason) of random digits near what people write."""
    random, out, seen = Random(20260810), [], set()
    while len(out) < 2000:
        home, e164 = random.pick(rows)[:2]
        region = random.pick(rows)[0] if random.below(8) == 0 else home
        code = phonenumbers.parse(e164).country_code
        number = list(e164[1 + len(str(code)):])
        for _ in range(random.below(3)):
            what, at = random.below(3), random.below(len(number))
            if what == 0:
                number.insert(at, str(random.below(10)))
            elif what == 1 and len(number) > 3:
                del number[at]
            else:
                number[at] = str(random.below(10))
        if random.below(10) == 0:
            number = [str(random.below(10)) for _ in range(4 + random.below(13))]
        prefix = random.pick(["", "", "0", "1", "8", "00", "011", f"+{code}", f"+{code}", f"{code}",
                              f"00{code}", f"+{code}0", f"+{random.below(1000)}", "+00", "0015",
                              f"810{code}", "17951", "06", f"00{code}0"])
        text = prefix + "".join(number)
        if (region, text) in seen or (not region and not text.startswith("+")):
            continue
        seen.add((region, text))
        answer, reason = judge(text, region)
        # "00" is read as "+" when the reading of the region fails, as it is on every letterhead.
        if not answer and text.startswith("00"):
            answer, reason = judge("+" + text[2:], region)[0], "N"
        out.append((region, text, answer, "" if answer else reason))
    return out


def cases():
    rows = examples()
    out = [NOTICE % ("Phone numbers and what the reference makes of them.", VERSION,
                     "example numbers\n * as the reference prints them, and its verdicts on "
                     "random digits."),
           "#ifndef PHONE_CASES_H", "#define PHONE_CASES_H", "",
           "static const struct {", "    const char *region, *e164, *national, *international;",
           "} phone_examples[] = {"]
    out += ["    {" + ", ".join(f'"{x}"' for x in row) + "}," for row in rows]
    out += ["};", "",
            "/* reason: S too short, L too long, C unknown country code, N any */",
            "static const struct {", "    const char *region, *text, *e164, *reason;",
            "} phone_random[] = {"]
    out += ["    {" + ", ".join(f'"{x}"' for x in row) + "}," for row in differential(rows)]
    return "\n".join(out + ["};", "", "#endif", ""])


# ---- self-test ----------------------------------------------------------------------------------

def near(random, lead):
    return lead + "".join(str(random.below(10)) for _ in range(random.below(13)))


def self_test(model, rounds=400):
    random, count = Random(1), 0
    for plan in model.plans:
        region = plan["region"] or "001"
        data = metadata_of(plan["code"], region)
        general = re.compile(data.general_desc.national_number_pattern)
        trunk, abroad = data.national_prefix_for_parsing, data.international_prefix
        leads = ["", "0", "1", "8", "00", "01", "011", "15"] + [
            d.example_number[:3 + i] for i in range(8) for d in
            (data.fixed_line, data.mobile) if d is not None and d.example_number]
        for _ in range(rounds):
            text = near(random, random.pick(leads))[:20]
            out = model.graph.nodes[model.graph.run(plan["general"], text)][0]
            assert bool(out) == bool(general.fullmatch(text)), (region, text)
            for pattern, start in ((trunk, plan["trunk"]), (abroad, plan["abroad"])):
                m = re.compile(pattern).match(text) if pattern else None
                want = None
                if m:
                    last = re.compile(pattern).groups
                    rule = data.national_prefix_transform_rule if pattern is trunk else None
                    want = (m.end(),) + (m.span(last) if rule and m[last] is not None else ())
                assert prefix(model.graph, start, text) == want, (region, text, pattern)
            count += 1
    print(f"gen-phone: {count} texts agree, {len(model.graph.nodes)} states")


def prefix(graph, state, text):
    """What the C side reads off a prefix automaton: (end,) or (end, group begin, group end)."""
    found = None
    for i in range(len(text) + 1):
        out = graph.nodes[state][0]
        if out & 1 or (out & 2 and i == len(text)):
            found = (i, out >> 3 & 15, out >> 7 & 15) if out & 4 else (i,)
        if i < len(text):
            state = graph.nodes[state][1][int(text[i])]
    return found


def main():
    full = os.path.join(TOP, TABLE)
    old = open(full, encoding="utf-8").read() if os.path.exists(full) else ""
    if "--check" in sys.argv and old and f"python3-phonenumbers {VERSION}." not in old:
        print(f"gen-phone: the table is not of version {VERSION}, the one installed")
        return 77
    model = Model()
    if "--self-test" in sys.argv:
        self_test(model)
        return 0
    stale = 0
    for path, text in ((TABLE, table(model)), (CASES, cases())):
        full = os.path.join(TOP, path)
        old = open(full, encoding="utf-8").read() if os.path.exists(full) else ""
        if old == text:
            continue
        if "--check" in sys.argv:
            print(f"{path} is not what scripts/gen-phone.py makes")
            stale = 1
        else:
            with open(full, "w", encoding="utf-8") as f:
                f.write(text)
    return stale


sys.exit(main())
