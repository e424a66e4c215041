# Ruby: its sockets, Net::*, OpenURI, the resolver, Rinda and DRb. A unit is a file of tests.
# shellcheck shell=bash disable=SC2154
needs=(/usr/bin/ruby dpkg-source)

fetch() {
    local version
    version=$(/usr/bin/ruby -e 'puts RUBY_VERSION[/\d+\.\d+/]')
    source_package "ruby$version" && ln -sfn "ruby$version" "$store/ruby"
}

# Not: DRb over SSL and over AF_UNIX, which take minutes and are the same tests again.
units() { (cd "$store/ruby/test" && ls {socket,net/*,open-uri,resolv,rinda}/test_*.rb drb/test_{acl,drb,drbobject}.rb); }

unit_of() { echo "${1%% *}"; }

run() {
    local unit
    for unit; do
        (cd "$store/ruby/test" && limited 400 /usr/bin/ruby -I../tool/lib runner.rb -v --tty=no "./$unit") >"$scratch/out" 2>&1
        ended "$unit" $?
        awk -v unit="$unit" '
            match($0, /[A-Z][A-Za-z0-9_:]*#test[^ ]* = [0-9.]+ s/) {
                name = substr($0, RSTART, RLENGTH)
                sub(/ = .*/, "", name)
                if (!(name in result)) result[name] = "ok"
            }
            what && match($0, /[A-Z][A-Za-z0-9_:]*#test[^ :\[]*/) { result[substr($0, RSTART, RLENGTH)] = what; what = "" }
            /^ *[0-9]+\) (Failure|Error):/ { what = "fail" }
            /^ *[0-9]+\) Skipped:/ { what = "skip" }
            END { for (name in result) print unit " " name "\t" result[name] }' "$scratch/out"
    done
}
