#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the documentation shows works: run.py BUILD

- every ```c block with a main() is compiled without a warning and runs, in a fresh folder;
- every ```yaml block of docs/model.md passes `crm model check`;
- every ```sh block whose first line of fence says `sh run` is run, those of one page in one folder;
- every relative link leads to a file, and to a heading of it;
- doxygen finds no gap in the public headers.
"""
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
passed = failed = 0


def report(what, code, said):
    global passed, failed
    passed += code == 0
    failed += code != 0
    print(f"{'FAILED' if code else 'ok'} {what}")
    if code:
        print("    " + said.strip().replace("\n", "\n    "))
    return code == 0


def run(what, args, folder, env, text=None):
    try:
        done = subprocess.run(args, cwd=folder, env=env, input=text, encoding="utf-8", errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return report(what, 1, "took over 120 s")
    return report(what, done.returncode, done.stdout)


def pages():
    for folder in (".", "docs", "docs/decisions"):
        full = os.path.join(TOP, folder)
        for name in sorted(os.listdir(full) if os.path.isdir(full) else ()):
            if name.endswith(".md"):
                with open(os.path.join(full, name), encoding="utf-8") as f:
                    yield os.path.normpath(os.path.join(folder, name)), f.read()


def blocks(text):
    for m in FENCE.finditer(text):
        yield m[1], m[2].split(), m[3], text.count("\n", 0, m.start()) + 1


def try_blocks(page, text, build, folder, env):
    for language, words, body, line in blocks(text):
        what = f"{page}:{line}"
        if language == "c" and re.search(r"\bmain\s*\(", body):
            fresh = tempfile.mkdtemp(dir=folder)
            with open(os.path.join(fresh, "program.c"), "w", encoding="utf-8") as f:
                f.write(body)
            flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libcrm"], env=env, check=True,
                                   stdout=subprocess.PIPE, encoding="utf-8").stdout.split()
            if run(what + " compiles", ["cc", "-Wall", "-Wextra", "-Werror", "program.c", "-o", "program", *flags],
                   fresh, env):
                run(what + " runs", ["./program"], fresh, env)
        elif language == "yaml" and page == "docs/model.md":
            name = os.path.join(folder, "model.yaml")
            with open(name, "w", encoding="utf-8") as f:
                f.write(body)
            run(what + " is a model", [os.path.join(build, "examples/crm/crm"), "model", "check", name], folder, env)
        elif language == "sh" and "run" in words:
            run(what + " runs", ["sh", "-eu"], folder, env, body)


def anchor(heading):
    """What GitHub makes of a heading."""
    heading = re.sub(r"`|\*|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")


def headings(text):
    return {anchor(h) for h in re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.M)}


def try_links(page, text):
    dead = []
    for target in LINK.findall(FENCE.sub("", text)):
        if re.match(r"\w+:", target):
            continue
        path, _, part = target.partition("#")
        full = os.path.normpath(os.path.join(TOP, os.path.dirname(page), path)) if path else os.path.join(TOP, page)
        if not os.path.exists(full):
            dead.append(target)
        elif part and full.endswith(".md"):
            with open(full, encoding="utf-8") as f:
                if part not in headings(f.read()):
                    dead.append(target)
    report(f"{page}: links", len(dead), "\n".join(dead))


def try_doxygen(folder, env):
    with open(os.path.join(TOP, "docs/Doxyfile"), encoding="utf-8") as f:
        config = f.read() + f"\nOUTPUT_DIRECTORY = \"{folder}/doxygen\"\n"
    run("doxygen", ["doxygen", "-"], TOP, env, config)


def main():
    build = os.path.abspath(sys.argv[1])
    env = dict(os.environ)
    env["PKG_CONFIG_PATH"] = os.path.join(build, "meson-uninstalled")
    env["LD_LIBRARY_PATH"] = os.path.join(build, "src")
    env["PATH"] = os.path.join(build, "examples/crm") + ":" + env["PATH"]
    with tempfile.TemporaryDirectory(dir=build) as folder:
        for page, text in pages():
            try_blocks(page, text, build, tempfile.mkdtemp(dir=folder), env)
            try_links(page, text)
        try_doxygen(folder, env)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
