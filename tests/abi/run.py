#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the tree and the built library promise beyond behaviour: symbols, headers, layers, sizes.

usage: run.py BUILD [NAME...]     runs the checks (those whose name contains one of NAME)
       run.py BUILD --write       accepts the present layout of public structs as structs.txt

A check is a function check_x(tree) in one of the modules below; it yields one line a fault, or
raises Skipped.  The last line printed is `N passed, N failed`.
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import headers  # noqa: E402
import library  # noqa: E402
import sources  # noqa: E402
from tree import Skipped, Tree  # noqa: E402


def main():
    build, names = sys.argv[1], sys.argv[2:]
    tree = Tree(build)
    if "--write" in names:
        headers.write_structs(tree)
        return 0
    passed = failed = 0
    for module in (sources, headers, library):
        for name, check in vars(module).items():
            if not name.startswith("check_") or (names and not any(n in name for n in names)):
                continue
            try:
                faults = list(check(tree))
            except Skipped as why:
                print(f"SKIPPED {name}: {why}")
                continue
            failed += bool(faults)
            passed += not faults
            print(f"{'FAILED' if faults else 'ok'} {name}: {' '.join(check.__doc__.split())}")
            for fault in faults:
                print(f"    {fault}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
