# Perl's core: Socket, IO, IO::Socket::IP, libnet, HTTP::Tiny, Net::Ping, Sys::Syslog. A unit is a file of tests.
# shellcheck shell=bash disable=SC2154
needs=(/usr/bin/perl dpkg-source)

fetch() { source_package perl; }

# Not: what pings hosts on the Internet, each time in another order.
units() {
    (
        cd "$store/perl" || exit
        for file in {cpan/{Socket,IO-Socket-IP,libnet,HTTP-Tiny,Sys-Syslog},dist/{IO,Net-Ping}}/t/*.t lib/Net/*.t; do
            [[ $file == dist/Net-Ping/t/@(190|4?0)_* ]] || echo "$file"
        done
    )
}

unit_of() { echo "${1%% *}"; }

# The installed perl, and its own modules: the tests alone are from the source.
run() {
    local unit switches
    for unit; do
        switches=(-I.)
        # Taint mode must be on the command line as well.
        [[ $(head -n 1 "$store/perl/$unit") != *-T* ]] || switches+=(-T)
        (cd "$store/perl/${unit%%/t/*}" 2>/dev/null || cd "$store/perl" || exit
            limited 120 /usr/bin/perl "${switches[@]}" "$store/perl/$unit") >"$scratch/out" 2>/dev/null
        ended "$unit" $?
        tap "$unit" <"$scratch/out"
    done
}
