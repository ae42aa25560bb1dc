#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Make the list of every verb's options in examples/crm/crm.1 from `crm help --json`.

usage: gen-man.py TOOL [--check]     TOOL: the built command line tool
                                     --check: exit 1 if the page differs from what would be made
"""
import json
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(TOP, "examples/crm/crm.1")
BEGIN = '.\\" options of verbs: made by scripts/gen-man.py, changed in the help of each verb\n'
END = ".SH ENVIRONMENT\n"


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return text.replace("'", "\\(aq")


def option(o):
    line = ".TP\n"
    if "letter" in o:
        line += "\\fB" + escaped(o["letter"]) + "\\fR, "
    line += "\\fB" + escaped(o["name"]) + "\\fR"
    value = o.get("value", "")
    if value.strip("[]").startswith("="):
        line += "[\\fB=\\fR\\fI" + escaped(value.strip("[=]")) + "\\fR]"
    elif value:
        line += " \\fI" + escaped(value) + "\\fR"
    text = escaped(o["text"])
    return line + "\n" + ("\\&" if text[:1] in ".'" else "") + text + "\n"


def made(tool):
    env = dict(os.environ, LC_ALL="C.UTF-8")
    page = json.loads(subprocess.run([tool, "help", "--json"], check=True, env=env,
                                     stdout=subprocess.PIPE).stdout)
    name = page["tool"]
    out = BEGIN + ".SH OPTIONS OF THE VERBS\n"
    for verb in page["verbs"]:
        options = verb.get("options", [])
        if options:
            out += ".SS " + escaped(verb["verb"]) + "\n" + "".join(map(option, options))
    return re.sub(r"\b" + re.escape(name) + r"(?= )", "@TOOL@", out)


def main():
    args = [a for a in sys.argv[1:] if a != "--check"]
    with open(PAGE, encoding="utf-8") as f:
        old = f.read()
    end = old.index(END)
    begin = old.index(BEGIN) if BEGIN in old else end
    new = old[:begin] + made(args[0]) + old[end:]
    if "--check" in sys.argv:
        if new != old:
            sys.exit("examples/crm/crm.1: run scripts/gen-man.py " + args[0])
    elif new != old:
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(new)


main()
