#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Make include/crm/codes.h and docs/errors.md from src/base/errors.def.

usage: gen-errors.py [--check]     --check: exit 1 if a file differs from what would be made
"""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CODE = re.compile(
    r'^CRM_CODE\((\w+), (-?\d+), "([^"]*)",\s*"([^"]*)",\s*"([^"]*)"\)', re.M)


def registry():
    with open(os.path.join(TOP, "src/base/errors.def"), encoding="utf-8") as f:
        rows = [(n, int(v), short, when, todo) for n, v, short, when, todo in CODE.findall(f.read())]
    numbers = [v for _, v, *_ in rows]
    if len(rows) < 20 or len(set(numbers)) != len(numbers):
        sys.exit("gen-errors: registry not understood, or a number is used twice")
    return rows


def header(rows):
    out = ["/* SPDX-License-Identifier: MIT */",
           "/**",
           " * @file codes.h",
           " * Result codes.  Made by scripts/gen-errors.py from src/base/errors.def: edit that.",
           " */",
           "#ifndef CRM_CODES_H", "#define CRM_CODES_H", ""]
    for name, value, short, when, _ in rows:
        out.append(f"/** {short[0].upper()}{short[1:]}. {when} */")
        out.append(f"#define CRM_{name} {value if value >= 0 else f'({value})'}")
    return "\n".join(out + ["", "#endif", ""])


def page(rows):
    out = ["# Result codes", "",
           "Made by `scripts/gen-errors.py` from `src/base/errors.def`. 0 is success, positive is not an",
           "error, negative is. The numbers are stable and are never reused.", "",
           "| code | number | meaning | when | what to do |", "|---|---|---|---|---|"]
    for name, value, short, when, todo in rows:
        out.append(f"| `CRM_{name}` | {value} | {short} | {when} | {todo} |")
    return "\n".join(out + [""])


def main():
    rows = registry()
    stale = 0
    for path, text in (("include/crm/codes.h", header(rows)), ("docs/errors.md", page(rows))):
        full = os.path.join(TOP, path)
        old = open(full, encoding="utf-8").read() if os.path.exists(full) else ""
        if old == text:
            continue
        if "--check" in sys.argv:
            print(f"{path} is not what scripts/gen-errors.py makes")
            stale = 1
        else:
            with open(full, "w", encoding="utf-8") as f:
                f.write(text)
    return stale


sys.exit(main())
