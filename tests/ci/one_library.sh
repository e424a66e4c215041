#!/usr/bin/env bash
# The library that a build gives serves programs of both libcs: one_library.sh BUILD MAKE-VARIABLE...
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
make -j2 BUILD="$build" "${@:2}" all
make -s -j2 BUILD="$build" programs
REUSESHIM_TEST_BUILD=$PWD/$build bats tests/abi.bats
