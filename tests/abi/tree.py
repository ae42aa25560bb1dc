# SPDX-License-Identifier: MIT
"""What the checks share: the files of the tree, C without its comments, running a program."""
import os
import re
import subprocess

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
FUNCTION = re.compile(r"^CRM_API\s+(?P<type>[^;(]*?)(?P<name>crm_\w+)\s*\((?P<args>[^;]*)\);", re.M)
# Folders that are made, not written, in a tree that git does not know.
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
        self.files = self.of_git()
        if self.files is None:
            self.files = self.of_folder()
        self.headers = [f for f in self.files if re.match(r"include/crm/\w+\.h$", f)]
        self.so = os.path.join(self.build, "src/libcrm.so")
        self.archive = os.path.join(self.build, "src/libcrm.a")

    def of_git(self):
        """The files git knows, and new ones that are built already; None when git does not know ours.
        What else lies about is no business of the checks."""
        if not os.path.exists(os.path.join(self.top, ".git")):
            return None
        try:
            # git refuses folders of another user, as in a container, unless told.
            done = subprocess.run(("git", "-c", "safe.directory=*", "ls-files", "-z"), cwd=self.top,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        except OSError:
            return None
        names = set(os.fsdecode(done.stdout).split("\0"))
        if done.returncode or "meson.build" not in names:
            return None
        for folder in ("src", "include/crm"):
            listed = re.findall(r"'([\w/-]+\.[ch])'", self.read(f"{folder}/meson.build"))
            names |= {f"{folder}/{n}" for n in listed}
        names |= {n[:-2] + ".h" for n in names if n.startswith("src/") and n.endswith(".c")}
        return sorted(n for n in names if os.path.isfile(self.path(n)))

    def of_folder(self):
        """The files of an unpacked distribution."""
        files = []
        for folder, folders, names in os.walk(self.top):
            here = os.path.relpath(folder, self.top)
            here = "" if here == "." else here + "/"
            folders[:] = sorted(d for d in folders if not NOT_OURS.match(here + d))
            files += [here + n for n in sorted(names)]
        return files

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
