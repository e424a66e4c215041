# PHP: ext/sockets, the stream functions that open sockets, the built-in web server. A unit is a file of tests.
# shellcheck shell=bash disable=SC2154
needs=(/usr/bin/php dpkg-source)

fetch() {
    local version
    version=$(/usr/bin/php -r 'echo PHP_MAJOR_VERSION, ".", PHP_MINOR_VERSION;')
    source_package "php$version" && ln -sfn "php$version" "$store/php"
}

units() {
    cd "$store/php" || return
    ls ext/sockets/tests/*.phpt sapi/cli/tests/php_cli_server*.phpt
    grep -lE 'stream_socket|fsockopen|http_server' -r ext/standard/tests/{streams,network,http} --include='*.phpt'
}

unit_of() { echo "$1"; }

run() {
    (cd "$store/php" && TEST_PHP_EXECUTABLE=/usr/bin/php NO_INTERACTION=1 SKIP_SLOW_TESTS=1 \
        limited 900 /usr/bin/php run-tests.php -q --set-timeout 60 -W "$scratch/results" "$@") >"$scratch/out" 2>&1
    sed -nE 's|^([A-Z]+)\t(.*/php[0-9.]+/)?(.*\.phpt).*|\3\t\1|p' "$scratch/results" |
        sed 's/\tPASSED$/\tok/; s/\t\(FAILED\|BORKED\|LEAKED\)$/\tfail/; s/\tSKIPPED$/\tskip/; s/\tXFAILED$/\tskip/'
}
