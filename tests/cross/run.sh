#!/bin/sh
# SPDX-License-Identifier: MIT
# Compiles src/bits for a 64-bit ARM processor and runs its unit tests on a played one: the variants of
# the loops that this machine cannot run itself.  run.sh [FOLDER for what is built]
set -eu
cd "$(dirname "$0")/../.."
out=${1:-$(mktemp -d)}
mkdir -p "$out"
# shellcheck disable=SC2046  # names without spaces
aarch64-linux-gnu-gcc -std=c11 -O2 -static -D_GNU_SOURCE -fno-strict-aliasing \
    -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Werror \
    -Itests/cross -Itests/lib -Iinclude -Isrc \
    tests/cross/cross.c $(ls tests/unit/bits/*.c src/bits/*.c) \
    src/base/bytes.c src/base/error.c src/base/mem.c -o "$out/cross-aarch64"
exec qemu-aarch64 "$out/cross-aarch64" neon
