# SPDX-License-Identifier: MIT
"""Checks on the built library."""
import os
import re
import shutil
import tempfile

from tree import run

# What libc offers and an embedded library must not use: it ends, or speaks for, the host.
NOT_USED = re.compile(r"^(_?exit|_Exit|abort|quick_exit|__assert_fail|v?f?printf|__v?f?printf_chk|puts|fputs|"
                      r"putchar|perror|stdout|stderr|stdin|setlocale|signal|sigaction|localtime|gmtime|strtok|"
                      r"srand|rand)$")
# All the state a process has of us: the registry of open files with its lock, and, of each thread, where
# to go on when LMDB meets an assertion, and which writers' turns it holds, with the key that tells of its end.
STATE = {"registry", "registry_lock", "registry_holder", "crm__lmdb_jump", "turns", "turns_end"}
LARGEST_KIB = 1336


def defined(tree):
    out = set()
    for line in run("nm", "-D", "--defined-only", tree.so).split("\n"):
        parts = line.split()
        if len(parts) == 3 and parts[1] != "A":
            out.add(parts[2])
    return out


def check_exports(tree):
    """libcrm.so exports exactly the CRM_API functions of the headers, each under its release's node"""
    listed, node = {}, ""
    for line in tree.read("src/libcrm.map").split("\n"):
        m = re.match(r"(CRM_\d+\.\d+) \{$", line)
        node = m[1] if m else node
        m = re.match(r"    (\w+);$", line)
        if m:
            listed[m[1]] = node
    have = dict(s.split("@@") if "@@" in s else (s, "no node") for s in defined(tree))
    declared = tree.functions()
    for name in sorted(set(declared) - set(have)):
        yield f"{declared[name][0]} declares {name}, the library has none"
    for name in sorted(set(have) - set(declared)):
        yield f"{name} is exported and in no header"
    for name in sorted(set(have) & set(declared)):
        if have[name] != listed.get(name):
            yield f"{name} is in node {have[name]}, the map says {listed.get(name)}"


def check_names_of_the_archive(tree):
    """every global name of libcrm.a begins with crm_"""
    for line in run("nm", "-g", "--defined-only", tree.archive).split("\n"):
        parts = line.split()
        if len(parts) == 3 and not parts[2].startswith("crm_"):
            yield parts[2]


def check_soname(tree):
    """the library is libcrm.so.0"""
    said = run("readelf", "-d", tree.so)
    if "Library soname: [libcrm.so.0]" not in said:
        yield said


def check_needs(tree):
    """the library links only what it is known to"""
    known = re.compile(r"^(liblmdb|libyaml-0|libz|libsodium|libutf8proc|libminizip|libexpat|libc|ld-linux-.*)\.so\.")
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", tree.so)):
        if not known.match(name):
            yield name


def check_no_stack_that_runs(tree):
    """the stack is not executable and nothing in the code needs relocation"""
    said = run("readelf", "-lW", tree.so)
    if not re.search(r"GNU_STACK .* RW +0x", said):
        yield "GNU_STACK is missing or executable"
    if "(TEXTREL)" in run("readelf", "-d", tree.so):
        yield "text relocations"


def check_uses(tree):
    """the library uses nothing of libc that ends, or speaks for, the host"""
    for line in run("nm", "-D", "-u", tree.so).split("\n"):
        name = line.split()[-1].split("@")[0] if line.split() else ""
        if NOT_USED.match(name):
            yield name


def check_state(tree):
    """the library's only variables are those known here"""
    for line in run("objdump", "-t", tree.archive).split("\n"):
        m = re.match(r"[0-9a-f]+ .{6}[O ]\s(\.t?(?:data|bss)\S*|\*COM\*)\s+([0-9a-f]+) (?:\.hidden )?(\S+)$", line)
        if m and not m[1].startswith(".data.rel.ro") and int(m[2], 16) and m[3] not in STATE:
            yield f"{m[3]} ({m[1]})"


def check_size(tree):
    """stripped and without the phone table, the library is not larger than it was"""
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "libcrm.so")
        shutil.copy(tree.so, copy)
        run("strip", copy)
        size = os.path.getsize(copy)
        with open(copy, "rb") as f:
            if tree.top.encode() + b"/" in f.read():
                yield "the stripped library names the folder it was built in"
    table = [sum(map(int, line.split()[:3])) for line in run("size", tree.archive).split("\n")
             if "phone_table.c" in line]
    print(f"    stripped: {size // 1024} KiB, of which tables of phone numbers: {sum(table) // 1024} KiB")
    if size - sum(table) >= LARGEST_KIB * 1024:
        yield f"{(size - sum(table)) // 1024} KiB"
