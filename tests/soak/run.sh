#!/bin/sh
# SPDX-License-Identifier: MIT
# The soak: sh tests/soak/run.sh [--seconds N] [OPTION...].  Builds a release with its assertions in
# build-soak/ and runs the program there; `--help` lists its options.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
[ -f build-soak/build.ninja ] || meson setup build-soak -Dbuildtype=release -Db_ndebug=false >&2
ninja -C build-soak tests/soak >&2
exec build-soak/tests/soak "$@"
