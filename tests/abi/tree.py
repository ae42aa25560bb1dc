# SPDX-License-Identifier: MIT
"""What the checks share: the files of the tree, C without its comments, running a program."""
import os
import re
import subprocess

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
FUNCTION = re.compile(r"^CRM_API\s+(?P<type>[^;(]*?)(?P<name>crm_\w+)\s*\((?P<args>[^;]*)\);", re.M)
# Folders that are made, not written.
NOT_OURS = re.compile(r"^(\.git|build[^/]*|[^/]*\.crm|.*/__pycache__)$")


class Skipped(Exception):
    """A check that can't be made here, and why."""


def bare(text):
    """C without comments, and with empty literals; lines stay where they are."""
    def keep(m):
        quote = m[0][0]
        return quote * 2 if quote in "\"'" else " " + "\n" * m[0].count("\n")
    return TOKEN.sub(keep, text)


def uncommented(text):
    """C without comments, literals kept."""
    return TOKEN.sub(lambda m: m[0] if m[0][0] in "\"'" else " " + "\n" * m[0].count("\n"), text)


def run(*args, text=None, check=True):
    done = subprocess.run(args, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", errors="replace", check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(args)}: {done.stdout}")
    return done.stdout if check else (done.returncode, done.stdout)


class Tree:
    def __init__(self, build):
        self.top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self.build = os.path.abspath(build)
        self.files = []
        for folder, folders, names in os.walk(self.top):
            here = os.path.relpath(folder, self.top)
            here = "" if here == "." else here + "/"
            folders[:] = sorted(d for d in folders if not NOT_OURS.match(here + d))
            self.files += [here + n for n in sorted(names)]
        self.headers = [f for f in self.files if re.match(r"include/crm/\w+\.h$", f)]
        self.so = os.path.join(self.build, "src/libcrm.so")
        self.archive = os.path.join(self.build, "src/libcrm.a")

    def path(self, name):
        return os.path.join(self.top, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def below(self, folder, *ends):
        return [f for f in self.files if f.startswith(folder + "/") and f.endswith(ends)]

    def is_table(self, name):
        head = self.read(name)[:600].split("*/")[0]
        return "Made by scripts/" in head or "* Table: " in head

    def functions(self):
        """The public functions: name -> (header, its doc comment)."""
        out = {}
        for header in self.headers:
            text = self.read(header)
            for m in FUNCTION.finditer(text):
                start = text.rfind("/**", 0, m.start())
                out[m["name"]] = (header, text[start:m.start()])
        return out
