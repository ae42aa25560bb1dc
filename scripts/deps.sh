# SPDX-License-Identifier: MIT
# The Debian packages that libcrm needs, and how to get them.  Sourced, not run:
#   deps_missing SET...   prints those that are not installed
#   deps_install PACKAGE...
# The one list for examples/quickstart.sh, tests/run.sh and the README.

# To build the library and the tool, and to run them (minizip, expat: XLSX; tzdata:
# zones by name).
deps_build='gcc libc6-dev meson ninja-build pkg-config
    liblmdb-dev libyaml-dev libsodium-dev libutf8proc-dev zlib1g-dev
    libminizip-dev libexpat1-dev tzdata'

# To run every test: other compilers, checkers, another processor, and what only tests link.
deps_test='g++ clang libclang-rt-14-dev llvm binutils check libsqlite3-dev valgrind gcovr doxygen
    git ca-certificates python3 python3-cffi python3-phonenumbers
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user'

deps_is_debian()
{
    command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1
}

deps_missing()
{
    for deps_package; do
        case $(dpkg-query -W -f '${Status}' "$deps_package" 2>/dev/null) in
        'install ok installed' | 'hold ok installed') ;;
        *) printf '%s\n' "$deps_package" ;;
        esac
    done
}

# With the rights of root: directly, or through sudo.
deps_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    else
        printf 'Installing packages needs root, and there is no sudo.  As root:\n  %s\n' "$*" >&2
        return 1
    fi
}

deps_install()
{
    deps_root apt-get -o DPkg::Lock::Timeout=400 -q install -y --no-install-recommends "$@" &&
        return 0
    # Package lists may be missing (a fresh image) or old.
    deps_root apt-get -o DPkg::Lock::Timeout=400 -q update || return 1
    deps_root apt-get -o DPkg::Lock::Timeout=400 -q install -y --no-install-recommends "$@"
}
