# CPython's tests of asyncio, the whole of them. As cpython.sh; a unit is a module here, too.
# shellcheck shell=bash disable=SC2154
# shellcheck source=tests/transparency/suites/cpython.sh
. suites/cpython.sh

units() {
    local file
    for file in "$store"/cpython/test/test_asyncio/test_*.py; do
        file=${file##*/}
        echo "test_asyncio.${file%.py}"
    done
}

unit_of() {
    local name=${1#test.} module
    module=${name#*.}
    case $name in
    *\ \(end\)) echo "${name% (end)}" ;;
    *) echo "test_asyncio.${module%%.*}:test.$name" ;;
    esac
}
