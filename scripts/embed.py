#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Make src/model/default.c, which carries the text of src/model/default.yaml.

usage: embed.py [--check]     --check: exit 1 if the file differs from what would be made
"""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FROM, TO = "src/model/default.yaml", "src/model/default.c"


def literal(line):
    return '    "' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def source(text):
    lines = text.split("\n")
    if lines.pop() != "" or "\t" in text or "\r" in text or "\0" in text or "??" in text:
        sys.exit(f"embed: {FROM} must end with a newline and hold no tab, CR, NUL or trigraph")
    return "\n".join([
        "/* SPDX-License-Identifier: MIT",
        " * The built-in model.  Made by scripts/embed.py from src/model/default.yaml: edit that.",
        " */",
        "#include <crm/model.h>",
        "",
        "static const char TEXT[] =",
        *(literal(line) for line in lines[:-1]),
        literal(lines[-1]) + ";",
        "",
        "const char *crm_model_default(void)",
        "{",
        "    return TEXT;",
        "}",
        ""])


def main():
    with open(os.path.join(TOP, FROM), encoding="utf-8") as f:
        made = source(f.read())
    path = os.path.join(TOP, TO)
    old = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            old = f.read()
    if old == made:
        return 0
    if "--check" in sys.argv:
        print(f"{TO} is not what scripts/embed.py makes")
        return 1
    with open(path, "w", encoding="utf-8") as f:
        f.write(made)
    return 0


sys.exit(main())
