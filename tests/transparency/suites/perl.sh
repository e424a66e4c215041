# Perl's core: Socket, IO, IO::Socket::IP, libnet, HTTP::Tiny, Net::Ping, Sys::Syslog. A unit is a file of tests.
# shellcheck shell=bash disable=SC2154
needs=(/usr/bin/perl dpkg-source)

fetch() { source_package perl; }

units() {
    (cd "$store/perl" && ls {cpan/{Socket,IO-Socket-IP,libnet,HTTP-Tiny,Sys-Syslog},dist/{IO,Net-Ping}}/t/*.t lib/Net/*.t)
}

unit_of() { echo "${1%% *}"; }

# The installed perl, and its own modules: the tests alone are from the source.
run() {
    local unit
    for unit; do
        (cd "$store/perl/${unit%%/t/*}" 2>/dev/null || cd "$store/perl" || exit
            limited 120 /usr/bin/perl -I. "$store/perl/$unit") >"$scratch/out" 2>/dev/null
        ended "$unit" $?
        tap "$unit" <"$scratch/out"
    done
}
