# SPDX-License-Identifier: MIT
"""Texts of the tool and their Chinese (examples/crm/chinese.c): every remark and refusal has one, none is of a
text that there is no more, and a format takes the same arguments as the one it stands for.

    chinese.py FOLDER    of the tool's sources
"""
import glob
import os
import re
import sys

STRING = r'(?:"(?:[^"\\]|\\.)*"|TOOL|PRI[a-z0-9]+)'
# words of the library that the tool shows
GIVEN = {"key", "label", "known", "mapping"}
LITERAL = r'(?:%s\s*)+' % STRING


def plain(text):
    """Without comments and characters, which may hold quotes."""
    return re.sub(r'/\*.*?\*/|"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)\'',
                  lambda m: m.group(0) if m.group(0)[0] == '"' else " 0 ", text, flags=re.S)


def joined(literal):
    """A literal of several pieces as one; macros stand as they are called."""
    return "".join(p[1:-1] if p[0] == '"' else "<%s>" % p for p in re.findall(STRING, literal))


def arguments(text):
    """Conversions by the place of their argument; how wide, or how little, is not told."""
    found, place = {}, 0
    for number, width, kind in re.findall(r"%(?:(\d+)\$)?[-0-9]*(?:\.(\*|\d+))?(<PRI\w+>|zu|[a-zA-Z%])", text):
        if kind == "%":
            continue
        if width == "*":
            place += 1
            found[place] = "*"
        place += 1
        found[int(number) if number else place] = kind
    return found


def main(folder):
    wrong = []
    sources = {f: plain(open(f, encoding="utf-8").read()) for f in glob.glob(os.path.join(folder, "*.c"))}
    table = sources.pop(os.path.join(folder, "chinese.c"))
    pairs = re.findall(r"\{(%s),\s*(%s)\}" % (LITERAL, LITERAL), table)
    known = {}
    for english, chinese in pairs:
        english, chinese = joined(english), joined(chinese)
        if english in known:
            wrong.append("twice: " + english)
        known[english] = chinese
        if arguments(english) != arguments(chinese):
            wrong.append("other arguments: %s -> %s" % (english, chinese))
        if not re.search("[\u4e00-\u9fff]", chinese):
            wrong.append("not Chinese: " + chinese)
    said, used = set(), set()
    for text in sources.values():
        used.update(joined(m) for m in re.findall(LITERAL, text))
        for m in re.finditer(r"\b(?:note|fail|fail_usage)\(\s*[^;\"]*?(%s)" % LITERAL, text):
            said.add(joined(m.group(1)))
    for text in sorted(said):
        words = re.sub(r"%[-.*0-9]*(?:zu|[a-z])|<\w+>", "", text)
        if re.search("[a-z]{2}", words) and text not in known:
            wrong.append("has no Chinese: " + text)
    wrong += ["is said no more: " + text for text in sorted(set(known) - used - GIVEN)]
    for line in wrong:
        print(line)
    if len(pairs) < 150 or len(said) < 150:
        print("found %d pairs and %d texts only" % (len(pairs), len(said)))
        return 1
    return 1 if wrong else 0


sys.exit(main(sys.argv[1]))
