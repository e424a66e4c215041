# The terminal sessions that README and the man pages show, taken out of them, run again, and made comparable. For bats files
# (sessions.bats, systemd.bats) and for sessions.sh; helper.bash must be there.
#
# A session is a literal block that begins with "$ ". The line before it may name a stage, in a comment: what is on the
# machine when the session begins. stage_NAME builds it; during_NAME OUTPUT, where there is one, acts while the session runs.
# The stage systemd is another machine: machine.bash must have started it.
#
# shellcheck shell=bash

stage_none() { :; }

# On PATH is /usr/bin first: a wrapper that a version manager puts there is another process.
stage_http() {
    PATH=/usr/bin:$PATH background ns sh -c 'python3 -m http.server 8080 --bind 127.0.0.1 >/dev/null 2>&1 & echo $!; wait'
    server_pid=$(cat "$last_out")
    until_true listens 8080
}
listens() { [ -n "$(ns ss -Htln "sport = :$1")" ]; }

stage_http_stops() { stage_http; }
during_http_stops() {
    until_true grep -q because "$1"
    kill "$server_pid"
    until_true grep -q '  free' "$1"
    ns pkill -INT --ns "$namespace_pid" --nslist net -x reuseshim
}

stage_time_wait() {
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:8080 listen tcp connect 127.0.0.1:8080 back accept close closeall
}

# A receiver of another user.
stage_datagrams() {
    ns setpriv --reuid 65534 --clear-groups socat -u UDP4-RECV:5000,bind=127.0.0.1,reuseaddr - >/dev/null 2>&1 3>&- &
    started+=($!)
    until_true receives 5000
}
receives() { [ -n "$(ns ss -Huan "sport = :$1")" ]; }

# Two instances of one server that both set SO_REUSEPORT, and a service beside them.
stage_shared() {
    stage_http
    for _ in 1 2; do
        background ns "$SYSTEM_PYTHON" "$SCRIPTS/reuseport_group.py" udp 5353 4
    done
}

stage_mistake() {
    printf '# our old server\ntcp port 8080 force reuseadr\n' >my.policy
}

# What three servers said that found the port taken, the last of them torn.
stage_records() {
    stage_http
    for program in "socat TCP-LISTEN:8080,bind=127.0.0.1 -" "socat TCP-LISTEN:8080 -" "$PROGRAMS/legacy 8080"; do
        # shellcheck disable=SC2086
        ns "$BUILD/reuseshim" run -f json -l "$PWD/conflicts.json" $program >/dev/null 2>&1 || true
    done
    # At times of their own, so that the timeline is the same each time.
    awk 'BEGIN { split("01:12:09 03:40:55 03:41:07", at, " ") } { sub(/T[0-9:.]+Z/, "T" at[NR] ".000000Z"); sub(/"time":"[0-9-]+/, "\"time\":\"2026-11-21"); print }' \
        conflicts.json >timed && mv timed conflicts.json
    echo '{"time":"2026-11-21T03:41:0' >>conflicts.json
}

# sessions_of FILE: for each session of a document, in $BATS_TEST_TMPDIR:
#   session.N         its text, as it is on a terminal
#   session.N.stage   the name of its stage
#   session.N.lines   its first and last line in the document
sessions_of() {
    awk -v to="$BATS_TEST_TMPDIR/session." '
        function finish() {
            if (open) { print first, last >(to n ".lines"); close(to n ".lines"); close(to n) }
            open = 0
        }
        function begin(at) {
            finish(); n++; open = 1; first = at; blanks = 0
            print (stage == "" ? "none" : stage) >(to n ".stage"); close(to n ".stage")
            stage = ""
        }
        function add(line) {
            for (; blanks; blanks--) print "" >(to n)
            print line >(to n); last = NR
        }
        match($0, /stage: [a-z_]+/) { stage = substr($0, RSTART + 7, RLENGTH - 7); next }
        FILENAME ~ /\.md$/ {
            if ($0 == "") blanks++
            else if (!sub(/^    /, "")) { finish(); stage = "" }
            else { if (!open && /^\$ /) begin(NR); if (open) add($0) }
            next
        }
        /^\.Bd -literal/ { literal = NR; next }
        /^\.Ed/ { finish(); literal = 0; stage = ""; next }
        literal {
            if (literal == NR - 1 && /^\$ /) begin(NR)
            if (open) { gsub(/\\e/, "\\"); sub(/^\\&/, ""); add($0) }
        }
        END { finish() }' "$1"
}

# in_document FILE: the text of a session as it stands in that document.
in_document() {
    if [[ $1 == *.md ]]; then
        sed 's/^./    &/'
    else
        sed -e 's/\\/\\e/g' -e "s/^[.']/\\\\\&&/"
    fi
}

# What differs from run to run, line by line.
comparable() {
    sed -E -e 's/^([0-9]{4})[-\/]([0-9]{2})[-\/]([0-9]{2}) [0-9:]{8} /TIME /' -e 's/[0-9-]{10}T[0-9:]{8}(\.[0-9]+)?Z/TIME/g' \
        -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}Z/TIME/g' -e 's/^[0-9]{2}:[0-9]{2}:[0-9]{2}Z /CLOCK /' \
        -e 's/(reuseshim|socat)\[[0-9]+\]/\1[N]/g' -e 's/(pid|process) [0-9]+/\1 N/g' -e 's/python3\.[0-9]+/python3/g' \
        -e 's/127\.0\.0\.1:[0-9]{5}/127.0.0.1:N/g' -e 's/in [0-9]+\.[0-9] s/in N s/g' -e 's/wait [0-9]+ s/wait N s/' \
        -e 's/bind\([0-9]+,/bind(N,/g' -e 's|[^ ="]*/libreuseshim\.so|libreuseshim.so|g' -e 's/[[:space:]]+$//' -e 's/^  [^ -~]+$/  BARS/' \
        -e 's/(pid N \([^)]*\))  +/\1  /g'
}

# run_session N: runs the commands of a session in the namespace, in a folder of their own; writes session.N.ran.
run_session() {
    local session=$BATS_TEST_TMPDIR/session.$1 stage ran=$BATS_TEST_TMPDIR/session.$1.ran runner
    stage=$(cat "$session.stage")
    if [ "$stage" = systemd ]; then
        run_in_machine "$session" >"$ran" 2>&1
        return
    fi
    mkdir "$session.folder"
    cd "$session.folder" || return 1
    "stage_$stage"
    ns env LC_ALL=C.UTF-8 PATH="$BUILD:/usr/bin:$PATH" BUILD="$BUILD" bash -c '
        ln -s "$BUILD" build
        grep "^\\$ " "$0" | while read -r _ line; do
            printf "$ %s\n" "$line"
            eval "$line" </dev/null
        done' "$session" >"$ran" 2>&1 3>&- &
    runner=$!
    started+=("$runner")
    [ "$(type -t "during_$stage")" != function ] || "during_$stage" "$ran"
    wait "$runner" || true
}

# The unit is as the text before the session says.
run_in_machine() {
    service nginx "ExecStart=/opt/test/legacy 8080" "SystemCallFilter=@system-service" "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX"
    grep '^\$ ' "$1" | while read -r _ line; do
        printf '$ %s\n' "$line"
        machine bash -c "$line" </dev/null
    done
}

# session_differs N: runs it; true if more differs than always does.
session_differs() {
    local session=$BATS_TEST_TMPDIR/session.$1
    run_session "$1"
    comparable <"$session" >"$session.expected"
    comparable <"$session.ran" >"$session.got"
    ! cmp -s "$session.expected" "$session.got"
}

# compare_sessions FILE: all of them that need no other machine; shows how the first one differs that does.
compare_sessions() {
    local session
    sessions_of "$1"
    [ -e "$BATS_TEST_TMPDIR/session.1" ] || { echo "no session found" >&2; return 1; }
    for session in "$BATS_TEST_TMPDIR"/session.*.stage; do
        session=${session%.stage}
        [ "$(cat "$session.stage")" != systemd ] || continue
        # Each in a namespace of its own.
        namespace_renew
        session_differs "${session##*.}" || continue
        diff -u "$session.expected" "$session.got" >&2
        cat "$session.ran" >&2
        return 1
    done
}
