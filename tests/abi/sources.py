# SPDX-License-Identifier: MIT
"""Checks on the written tree alone."""
import re

from tree import Skipped, bare, run, uncommented

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)
# A folder may include itself, those of a lower number, and <crm/...>.
LEVEL = {"base": 0, "codec": 1, "kv": 2, "bits": 2, "model": 3, "db": 4,
         "event": 5, "tag": 5, "consent": 5, "customer": 6,
         "segment": 7, "match": 7, "privacy": 7, "io": 7}
# Libraries below us, each behind one folder.
BEHIND = {"lmdb.h": "kv", "yaml.h": "model", "sodium.h": None, "zlib.h": "io",
          "utf8proc.h": None, "unzip.h": "io", "expat.h": "io"}
ENDS_HOST = r"_?exit|_Exit|abort|quick_exit|assert"
SPEAKS = r"v?f?printf|v?dprintf|f?puts|f?putc|putchar|perror|psignal|syslog"
LOCALE = (r"is(?:al(?:pha|num)|digit|xdigit|space|upper|lower|punct|print|cntrl|graph|blank)|"
          r"to(?:upper|lower)|strto[fdl]d?|strtold|atof|str(?:n)?casecmp|strcoll|strxfrm|setlocale|"
          r"(?:mb|wc)\w*to(?:mb|wc)\w*|sscanf|isw\w+|tow(?:upper|lower)")
SHARED = (r"localtime|gmtime|ctime|asctime|strtok|rand|srand|random|getenv|setenv|putenv|tmpnam|"
          r"readdir|getpwuid|getpwnam|gethostbyname|signal|sigaction")
MACHINE = re.compile(r"(?<![\w.$}])/(?:work|root|mnt|home/\w+)/")


def includes(tree, name):
    text = uncommented(tree.read(name))
    for m in INCLUDE.finditer(text):
        yield m[1], m[2]


def check_layers(tree):
    """in src/ a file includes only its own folder and what stands to its left"""
    for name in tree.below("src", ".c", ".h"):
        parts = name.split("/")
        own = parts[1]
        if own not in LEVEL:
            yield f"{name}: no layer is known for src/{own}"
            continue
        for quoted, angled in includes(tree, name):
            if angled:
                continue
            other = quoted.split("/")[0] if "/" in quoted else own
            if "/" not in quoted:
                yield f"{name}: \"{quoted}\" is written without its folder"
            elif other not in LEVEL or ".." in quoted:
                yield f"{name}: \"{quoted}\" is no header of src/"
            elif other != own and LEVEL[other] >= LEVEL[own]:
                yield f"{name}: {own} must not know {other} (\"{quoted}\")"


def check_public_only(tree):
    """the tool, the examples, the bindings and tests/api see nothing but <crm/...>"""
    for name in (tree.below("examples", ".c", ".h") + tree.below("bindings", ".c", ".h", ".cpp", ".hpp") +
                 tree.below("tests/api", ".c", ".h")):
        folder = name.rsplit("/", 1)[0]
        helpers = ("crmtest.h", "damage.h", "stingy.h") if name.startswith("tests/") else ()
        for quoted, _ in includes(tree, name):
            if quoted and quoted not in helpers and f"{folder}/{quoted}" not in tree.files:
                yield f"{name}: includes \"{quoted}\""
        if re.search(r"\bcrm__\w+", bare(tree.read(name))):
            yield f"{name}: uses an internal name"


def check_libraries_in_one_folder(tree):
    """headers of other libraries are each seen by one folder"""
    seen = {}
    for name in tree.below("src", ".c", ".h"):
        for _, angled in includes(tree, name):
            for lib in BEHIND:
                if angled and (angled == lib or (lib.endswith("/") and angled.startswith(lib))):
                    seen.setdefault(lib, {}).setdefault(name.split("/")[1], []).append(name)
    for lib, folders in seen.items():
        if len(folders) > 1 or (BEHIND[lib] and list(folders) != [BEHIND[lib]]):
            yield f"{lib}: {folders}"
    if sum(seen.get("lmdb.h", {}).values(), []) != ["src/kv/kv_lmdb.h"]:
        yield "lmdb.h is for src/kv/kv_lmdb.h alone"
    for name in tree.below("include", ".h"):
        for _, angled in includes(tree, name):
            if angled and not angled.startswith("crm/") and angled not in ("stddef.h", "stdint.h"):
                yield f"{name}: a public header includes <{angled}>"


def calls(tree, words):
    call = re.compile(rf"(?<![\w.>])(?:{words})\s*\(")
    for name in tree.below("src", ".c", ".h"):
        for number, line in enumerate(bare(tree.read(name)).split("\n"), 1):
            if call.search(line):
                yield f"{name}:{number}: {line.strip()}"


def check_never_ends_the_host(tree):
    """no exit, abort or assert in src/"""
    return calls(tree, ENDS_HOST)


def check_never_speaks(tree):
    """no printf, puts or perror in src/, and no stderr"""
    yield from calls(tree, SPEAKS)
    for name in tree.below("src", ".c", ".h"):
        if re.search(r"\bstd(?:out|err|in)\b", bare(tree.read(name))):
            yield f"{name}: uses a standard stream"


def check_no_locale(tree):
    """no function in src/ that depends on the locale"""
    return calls(tree, LOCALE)


def check_no_shared_state_of_libc(tree):
    """no function in src/ whose result lies in libc's own memory, and no signal handlers"""
    return calls(tree, SHARED)


def check_file_lengths(tree):
    """a .c file has at most 1,000 lines (tables apart)"""
    for name in tree.below("src", ".c") + tree.below("examples", ".c"):
        n = tree.read(name).count("\n")
        if n > 1000 and not tree.is_table(name):
            yield f"{name}: {n} lines"


def check_licence_lines(tree):
    """every source names its licence in its first three lines"""
    for name in tree.files:
        if name.endswith((".c", ".h", ".py", ".sh", "meson.build", ".map")) or name == ".ci/run":
            if "SPDX-License-Identifier: " not in "\n".join(tree.read(name).split("\n")[:3]):
                yield name


def check_text(tree):
    """text files are UTF-8, end with a newline, have no CR and no space at the end of a line"""
    for name in tree.files:
        if not name.endswith((".c", ".h", ".py", ".sh", ".md", ".yaml", ".build", ".map", ".txt", ".def")):
            continue
        try:
            text = tree.read(name)
        except UnicodeDecodeError as why:
            yield f"{name}: {why}"
            continue
        if name.startswith("tests/fuzz/corpus/"):
            continue
        if "\r" in text or (text and not text.endswith("\n")):
            yield f"{name}: CR, or no newline at the end"
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip() and not name.endswith(".md"):
                yield f"{name}:{number}: space at the end"


def check_no_path_of_a_machine(tree):
    """no file names a folder of the machine it was written on"""
    for name in tree.files:
        with open(tree.path(name), "rb") as f:
            text = f.read()
        if b"\0" in text[:4096]:
            continue
        for number, line in enumerate(text.decode("utf-8", "replace").split("\n"), 1):
            if MACHINE.search(line):
                yield f"{name}:{number}: {line.strip()[:100]}"


def check_unfinished(tree):
    """no TODO, FIXME or XXX"""
    mark = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    for name in tree.below("src", ".c", ".h") + tree.headers + tree.below("examples", ".c", ".h"):
        for number, line in enumerate(tree.read(name).split("\n"), 1):
            if mark.search(line):
                yield f"{name}:{number}: {line.strip()}"


def check_lists_of_meson(tree):
    """src/meson.build and include/crm/meson.build list every file once, sorted"""
    for build, have in (("src/meson.build", [f[len("src/"):] for f in tree.below("src", ".c")]),
                        ("include/crm/meson.build", [f.rsplit("/", 1)[1] for f in tree.headers])):
        listed = re.findall(r"'([\w/-]+\.[ch])'", tree.read(build))
        for name in sorted(set(have) - set(listed)):
            yield f"{build} lacks {name}"
        for name in sorted(set(listed) - set(have)):
            yield f"{build} lists {name}, which is not there"
        for part in tree.read(build).split("files(")[1:]:
            part = re.findall(r"'([\w/-]+\.[ch])'", part)
            if part != sorted(part):
                yield f"{build} is not sorted"
        for name in sorted({n for n in listed if listed.count(n) > 1}):
            yield f"{build} lists {name} twice"


def made(tree, script):
    """What a generator says of the files it makes."""
    code, said = run("/usr/bin/python3", tree.path(f"scripts/{script}"), "--check", check=False)
    if code == 77:
        raise Skipped(said.strip())
    if code:
        yield said.strip()


def check_made_errors(tree):
    """codes.h and errors.md are what scripts/gen-errors.py makes"""
    return made(tree, "gen-errors.py")


def check_made_phone(tree):
    """the phone table is what scripts/gen-phone.py makes"""
    return made(tree, "gen-phone.py")


def check_made_map(tree):
    """libcrm.map is what scripts/gen-map.py makes"""
    return made(tree, "gen-map.py")


def check_made_model(tree):
    """the built-in model is what scripts/embed.py makes"""
    return made(tree, "embed.py")
