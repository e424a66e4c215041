# Ruby: its sockets, Net::*, DRb, Rinda, OpenSSL, the resolver and others that use them. A unit is a file of tests.
# shellcheck shell=bash disable=SC2154
needs=(/usr/bin/ruby dpkg-source)

fetch() {
    local version
    version=$(/usr/bin/ruby -e 'puts RUBY_VERSION[/\d+\.\d+/]')
    source_package "ruby$version" && ln -sfn "ruby$version" "$store/ruby"
}

units() {
    (cd "$store/ruby/test" && ls {socket,net/*,drb,rinda,open-uri,resolv,logger,monitor}/test_*.rb ruby/test_io.rb openssl/test_{ssl,ssl_session,pair}.rb)
}

unit_of() { echo "${1%% *}"; }

run() {
    local unit
    for unit; do
        (cd "$store/ruby/test" && limited 200 /usr/bin/ruby -I../tool/lib runner.rb -v --tty=no --seed=1 -j0 "./$unit") >"$scratch/out" 2>&1
        ended "$unit" $?
        sed -nE "s|^ *([A-Za-z0-9_:]+#[^ ]+) = [0-9.]+ s = ([.FES])\$|$unit \1\t\2|p" "$scratch/out" |
            sed 's/\.$/ok/; s/\t[FE]$/\tfail/; s/\tS$/\tskip/'
    done
}
