# SPDX-License-Identifier: MIT
# build KIND: configures and builds build-test/KIND, and sets built to it.  One test of the suite.
# Sourced by suite.sh; suites that need the same folder wait for each other.

build_options()
{
    # Under sanitizers gcc warns of what is not so.  Lines are all that reports name, and -O2 and full
    # debug information take more than twice as long to compile: the release build has -O3.
    lines='-Doptimization=1 -Ddebug=false -Dc_args=-g1'
    sanitized="$lines -Dwerror=false -Db_lundef=false -Db_sanitize"
    case $1 in
    gcc) echo gcc "$lines" ;;
    clang) echo clang "$lines -Dbench=true" ;;
    fuzzer) echo clang '-Doptimization=0 -Ddebug=false -Dfuzz=true' ;; # that they build; tests/fuzz/run.sh fuzzes
    asan) echo gcc "$sanitized=address,undefined" ;;
    tsan) echo gcc "$sanitized=thread" ;;
    coverage) echo gcc '-Dbuildtype=debug -Doptimization=0 -Db_coverage=true' ;;
    release) echo gcc '-Dbuildtype=release -Db_ndebug=true -Dbench=true -Dtool_name=crm-db' ;;
    dist) echo gcc '-Dbuildtype=plain -Dtests=false' ;;
    esac
}

# configure FOLDER OPTION...: for the first time, or again, because sources of tests are found then.
configure()
{
    configured=$1
    shift
    if [ -f "$configured/build.ninja" ]; then
        meson setup --reconfigure "$@" "$configured"
    else
        rm -rf "$configured"
        meson setup "$@" "$configured"
    fi
}

build_steps()
{
    # shellcheck disable=SC2046  # words
    set -- $(build_options "$1")
    CC=$1
    shift
    export CC
    unset CFLAGS CPPFLAGS LDFLAGS DESTDIR
    # Instrumented for libFuzzer, nothing but its targets can be linked.
    targets=
    [ "${built##*/}" != fuzzer ] || targets=$(ls tests/fuzz/fuzz_*.c | sed 's|fuzz/\(.*\)\.c|\1|')
    configure "$built" -Dwerror=true "$@" --prefix="$CRM_BUILD/prefix" --libdir=lib || return
    # Of the release the unit tests and the benchmarks run, and what is installed is needed.
    [ "${built##*/}" != release ] || targets=$(ninja -C "$built" -t query all |
        sed -n 's/^    //p' | grep -vE '^(meson-.*|tests/(api|fault|format|soak|fuzz_[a-z_]*))$')
    # shellcheck disable=SC2086  # a list of words
    ninja -C "$built" -j "$CRM_CPUS" $targets
}

build()
{
    built=$CRM_BUILD/$1
    exec 9>"$CRM_BUILD/$1.lock"
    build_code=0
    # Waiting for others that build the same folder counts as building.
    build_begun=$(date +%s)
    flock 9
    if [ -f "$state/$1.fresh" ]; then
        echo "build $1: made by another suite"
        count 1 0
    elif [ -f "$state/$1.broken" ]; then
        echo "FAILED build $1: see $(cat "$state/$1.broken")"
        count 0 1
        build_code=1
    elif once "build $1" build_steps "$1"; then
        : >"$state/$1.fresh"
    else
        echo "build-test/$suite.log" >"$state/$1.broken"
        build_code=1
    fi
    exec 9>&-
    built_seconds=$((built_seconds + $(date +%s) - build_begun))
    return $build_code
}
