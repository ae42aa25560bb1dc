# SPDX-License-Identifier: MIT
# The suites: name, when they run (always; asked: with --full or by name), budget in seconds, what they
# are.  The long ones come first, because several run at a time.  Sourced by tests/run.sh.

# A suite without tests is none.
list_all()
{
    list_known | while read -r name rest; do
        case $name in
        unit | api | fault | format | fuzz | cli | abi | install | docs | bench | cross)
            [ -n "$(ls "tests/$name" 2>/dev/null)" ] || continue
            ;;
        esac
        printf '%s %s\n' "$name" "$rest"
    done
}

list_known()
{
    cat <<'END'
unit      always  90  the parts, against the static library
valgrind  always 300  a third of the parts again, by commit (--full: all), under memcheck, with shorter random runs
asan      always 300  unit, api, fault, format and the corpora under ASan and UBSan
clang     always 120  the whole tree with clang; its unit run
fault     always 260  every n-th allocation and storage call fails; writers are killed
api       always  90  the public functions, through the shared library; Python's FFI
format    always  60  golden databases, damaged copies
fuzz      always  60  the corpora, replayed
cli       always  60  the tool
abi       always  60  symbols, headers, layers, struct layout
install   always 120  installed, used by other programs as C and C++, shared and static
docs      always  60  the programs and models of the documentation; doxygen
bench     always  60  the benchmarks build and run on a tiny database
release   always  90  an optimised build without assertions
cross     always  60  sets, columns and day lists on a 64-bit ARM processor (played)
dist      always  60  the source archive is complete
tsan      asked  300  threads under TSan
soak      asked 120  a minute of writers, readers, imports and kills (tests/soak/run.sh: as long as one likes)
coverage  asked  600  at least 90 % of the lines of src/ run
END
}

list_has()
{
    list_all | grep -q "^$1 "
}

list_default()
{
    if [ -n "$1" ]; then
        list_all | awk '{ print $1 }'
    else
        list_all | awk '$2 == "always" { print $1 }'
    fi
}

list_budget()
{
    list_all | awk -v name="$1" '$1 == name { print $3 }'
}

list_help()
{
    echo 'Suites (* only with --full or by name)'
    list_all | awk '{ when = $2; name = $1; sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, "");
                      printf "  %-10s%s %s\n", name, when == "asked" ? "*" : " ", $0 }'
}
