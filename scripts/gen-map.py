#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Make src/libcrm.map from the public headers: every CRM_API function under the node of its @since.

usage: gen-map.py [--check]     --check: exit 1 if the file differs from what would be made

A release adds a node and never moves a name out of an earlier one: a function's @since does not
change once it has been released.
"""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MAP = os.path.join(TOP, "src/libcrm.map")
FUNCTION = re.compile(r"^CRM_API\s[^;(]*?(crm_\w+)\s*\(", re.M)
SINCE = re.compile(r"@since (\d+)\.(\d+)")


def nodes():
    out = {}
    folder = os.path.join(TOP, "include/crm")
    for header in sorted(os.listdir(folder)):
        if not header.endswith(".h"):
            continue
        with open(os.path.join(folder, header), encoding="utf-8") as f:
            text = f.read()
        for m in FUNCTION.finditer(text):
            comment = text[text.rfind("/**", 0, m.start()):m.start()]
            since = SINCE.search(comment)
            if not since:
                sys.exit(f"gen-map: {header}: {m[1]} has no @since")
            out.setdefault((int(since[1]), int(since[2])), []).append(m[1])
    return out


def text_of(found):
    out, before = ["# SPDX-License-Identifier: MIT",
                   "# The exported functions, one node a release.  Made by scripts/gen-map.py from the headers."], ""
    for (major, minor), names in sorted(found.items()):
        name = f"CRM_{major}.{minor}"
        out.append(f"{name} {{")
        out.append("  global:")
        out += [f"    {n};" for n in sorted(names)]
        if not before:
            out += ["  local:", "    *;"]
        out.append(f"}}{' ' + before if before else ''};")
        before = name
    return "\n".join(out + [""])


def main():
    made = text_of(nodes())
    old = ""
    if os.path.exists(MAP):
        with open(MAP, encoding="utf-8") as f:
            old = f.read()
    if made == old:
        return 0
    if "--check" in sys.argv:
        print("src/libcrm.map is not what scripts/gen-map.py makes")
        return 1
    with open(MAP, "w", encoding="utf-8") as f:
        f.write(made)
    return 0


sys.exit(main())
