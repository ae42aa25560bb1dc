# SPDX-License-Identifier: MIT
"""Checks on the public headers: they compile alone, keep the rules of the API, and keep their structs."""
import os
import re
import tempfile

from tree import bare, run

STRUCT = re.compile(r"^typedef struct (\w+) \{(.*?)^\} \1;", re.M | re.S)
COMPILERS = (("gcc", "c", "-std=c99"), ("gcc", "c", "-std=c11"), ("g++", "c++", "-std=c++11"),
             ("clang", "c", "-std=c99"), ("clang++", "c++", "-std=c++11"))
STRICT = ("-pedantic", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wundef", "-fsyntax-only")
TABLE = "tests/abi/structs.txt"


def check_headers_alone(tree):
    """each public header compiles alone, twice, as C99, C11 and C++11 without a warning"""
    for compiler, language, std in COMPILERS:
        # A strict prototype is a thing of C only.
        more = ("-Wstrict-prototypes",) if language == "c" else ()
        for header in tree.headers:
            line = f"#include <crm/{os.path.basename(header)}>\n"
            code, said = run(compiler, "-x", language, std, *STRICT, *more,
                             "-I" + tree.path("include"), "-", text=line * 2 + "int crm_no_empty_unit;\n",
                             check=False)
            if code:
                yield f"{header}, {compiler} {std}: {said.strip()}"


def check_own_headers_alone(tree):
    """each header of src/ compiles alone"""
    for header in tree.below("src", ".h"):
        code, said = run("gcc", "-x", "c", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                         "-fsyntax-only", "-I" + tree.path("include"), "-I" + tree.path("src"), "-",
                         text=f'#include "{header[len("src/"):]}"\n', check=False)
        if code:
            yield f"{header}: {said.strip()}"


def check_umbrella(tree):
    """crm.h includes every other header"""
    included = re.findall(r"#include <crm/(\w+\.h)>", tree.read("include/crm/crm.h"))
    for header in tree.headers:
        name = os.path.basename(header)
        if name not in included and name != "crm.h":
            yield f"crm.h does not include {name}"


def check_types_of_the_api(tree):
    """no bit-field, union, varargs, enum, bool, long or time_t in a public header"""
    words = re.compile(r"\b(?:union|enum|bool|_Bool|long|time_t|off_t|wchar_t)\b|\.\.\.|\w\s*:\s*\d+\s*;")
    for header in tree.headers:
        for number, line in enumerate(bare(tree.read(header)).split("\n"), 1):
            if words.search(line) and not line.lstrip().startswith("#"):
                yield f"{header}:{number}: {line.strip()}"


def check_words_of_comments(tree):
    """every public function says Ownership, Threads, Cost and since; one that returns int what it returns"""
    for name, (header, comment) in tree.functions().items():
        lacks = [w for w in ("Ownership:", "Threads:", "Cost:", "@since ") if w not in comment]
        if not re.search(r"@return|@retval", comment) and "@p err" in comment:
            lacks.append("@retval")
        if lacks:
            yield f"{header}: {name} lacks {', '.join(lacks)}"


def check_options(tree):
    """a public struct begins with its size, options have an _INIT macro and an _init function"""
    functions = tree.functions()
    for header in tree.headers:
        text = tree.read(header)
        for name, body in STRUCT.findall(bare(text)):
            if not name.endswith(("_options", "_allocator", "_error")):
                continue
            if members(body)[:1] != ["size"] or not re.search(r"^\s*size_t size;", body.strip("\n"), re.M):
                yield f"{header}: {name} does not begin with size_t size"
            if f"#define {name.upper()}_INIT " not in text:
                yield f"{header}: {name} has no _INIT macro"
            if name.endswith(("_options", "_error")) and f"{name}_init" not in functions:
                yield f"{header}: there is no {name}_init()"


def members(body):
    out = []
    for line in bare(body).split(";"):
        line = re.sub(r"\[[^\]]*\]", "", " ".join(line.split()))
        m = re.search(r"\(\*(\w+)\)", line) or re.search(r"(\w+)$", line)
        if m:
            out.append(m[1])
    return out


def layout(tree):
    """Sizes of the public structs and the places of their members, as the compiler sees them."""
    lines = ["#include <crm/crm.h>", "#include <stdio.h>", "int main(void)", "{"]
    for header in tree.headers:
        for name, body in STRUCT.findall(bare(tree.read(header))):
            lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
            for m in members(body):
                lines.append(f'printf("  {m} %zu %zu\\n", offsetof({name}, {m}), sizeof((({name} *)0)->{m}));')
    lines += ["return 0;", "}", ""]
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "layout")
        run("gcc", "-x", "c", "-I" + tree.path("include"), "-o", program, "-", text="\n".join(lines))
        return ("# SPDX-License-Identifier: MIT\n"
                "# Public structs on 64-bit Linux: name and size; member, its offset and size.\n"
                "# After a change that is meant: python3 tests/abi/run.py BUILD --write\n" + run(program))


def write_structs(tree):
    with open(tree.path(TABLE), "w", encoding="utf-8") as f:
        f.write(layout(tree))


def check_structs(tree):
    """the public structs have the layout of tests/abi/structs.txt"""
    old, new = tree.read(TABLE).split("\n"), layout(tree).split("\n")
    for line in old:
        if line not in new:
            yield f"was: {line}"
    for line in new:
        if line not in old:
            yield f"is:  {line}"
    if sorted(old) == sorted(new) and old != new:
        yield "the order has changed"
