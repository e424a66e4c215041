# memcached's own tests, with the server of the package. A unit is a file of tests.
# shellcheck shell=bash disable=SC2154
needs=(/usr/bin/memcached /usr/bin/perl gcc dpkg-source)

fetch() {
    source_package memcached && ln -sfn /usr/bin/memcached "$store/memcached/memcached-debug" &&
        # Its debug build knows an option that the package's does not; and its tests are to use TCP where they may use either.
        sed -i '/-o relaxed_privileges/d; /my .unix_socket_disabled/s/=.*/= 1;/' "$store/memcached/t/lib/MemcachedTest.pm" &&
        gcc -w -o "$store/memcached/timedrun" "$store/memcached/timedrun.c"
}

# Not: the source's style, programs that only its build makes, and what takes minutes.
units() {
    local file skip='whitespace|getset|00-startup|slabs|lru|extstore|chunked|maxconns|evictions|stress|dash-M|64bit|sizes|restart|proxy'
    for file in "$store"/memcached/t/*.t; do
        [[ ${file##*/} =~ $skip ]] || echo "t/${file##*/}"
    done
}

unit_of() { echo "${1%% *}"; }

run() {
    local unit
    for unit; do
        (cd "$store/memcached" && limited 60 /usr/bin/perl -I. "$unit") >"$scratch/out" 2>/dev/null
        ended "$unit" $?
        tap "$unit" <"$scratch/out"
    done
}
