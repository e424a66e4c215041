# CPython's own tests: the modules that open sockets. A unit is a module, or "module:pattern" of tests.
# shellcheck shell=bash disable=SC2154
needs=(/usr/bin/python3 dpkg-source)

fetch() {
    local python
    python=$(/usr/bin/python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    source_package "$python" && mkdir -p "$store/cpython" && ln -sfn "../$python/Lib/test" "$store/cpython/test"
}

units() {
    if [ -n "${sample:-}" ]; then
        echo test_socket test_socketserver test_ftplib test_httpservers
        return
    fi
    echo test_socket test_socketserver test_httpservers test_ftplib test_xmlrpc test_docxmlrpc test_ssl test_asyncore test_asynchat \
        test_poplib test_smtplib test_smtpd test_telnetlib test_imaplib test_nntplib test_logging test_select test_selectors test_epoll \
        test_timeout test_wsgiref test_urllib2_localnet test_httplib test_multiprocessing_fork:*Listener*
}

unit_of() {
    local name=${1#test.}
    case $name in
    *\ \(end\)) echo "${name% (end)}" ;;
    *) echo "${name%%.*}:test.$name" ;;
    esac
}

run() {
    local unit module xml=$scratch/junit.xml options
    for unit; do
        module=${unit%%:*}
        # Where a hypervisor gives a vsock but no peer, these wait for ever.
        options=(-i 'test.test_socket.ThreadedVSOCK*')
        [ "$module" = "$unit" ] || options+=(-m "${unit#*:}")
        rm -f "$xml"
        (cd "$scratch" && PYTHONPATH=$store/cpython limited 400 /usr/bin/python3 -m test "${options[@]}" --junit-xml "$xml" "$module") \
            >"$scratch/log.$module" 2>&1
        # Without any test left, regrtest says 4.
        ended "$module" $?
        [ ! -s "$xml" ] || /usr/bin/python3 junit.py "$xml"
    done
}
