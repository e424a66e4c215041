# A server that is started again, and what the library says when it is refused. Sourced by the scripts of this folder, which
# have a function `run` for a program in the world at hand: run LIBRARY VARIABLE=VALUE... -- PROGRAM ARG..., with LIBRARY, if
# it is not empty, preloaded. `legacy` is the server, `work` a folder.
# shellcheck shell=bash

port=8000

listening() { grep -q listening "$said"; }
ended() { ! kill -0 "$server" 2>/dev/null; }

until_listening() {
    until listening || ended; do read -rt 0.05 <> <(:) || true; done
    listening
}

# serve LIBRARY VARIABLE=VALUE...: a server for one client. The client closes second, so that TIME_WAIT stays on the server's port.
serve() {
    local line='' status
    said=$work/said
    : >"$said"
    run "$@" -- "$legacy" "$port" 1 >"$said" 2>&1 &
    server=$!
    until_listening || { wait "$server"; return 1; }
    exec 4<>"/dev/tcp/127.0.0.1/$port" || return 1
    IFS= read -rt 60 -u 4 line
    read -rt 60 -u 4
    wait "$server"
    status=$?
    exec 4<&- 4>&-
    [[ $line == hello* ]] && return "$status"
}

# restarts LIBRARY: twice in a row on one port.
restarts() {
    port=$((port + 1))
    if serve "$1" && serve "$1"; then return; fi
    cat "$said"
    return 1
}

# explained LIBRARY: without it the second start is refused; with it, and no rule that helps, that is explained.
explained() {
    port=$((port + 1))
    serve "" || { cat "$said"; return 1; }
    ! serve "" || return 1
    # An emulated processor may take longer than 100 ms.
    ! serve "$1" REUSESHIM_RULES=keep REUSESHIM_FORMAT=json REUSESHIM_DIAGNOSE=always REUSESHIM_BUDGET_MS=10000 || return 1
    cat "$said"
    grep -q '"cause":"time-wait"' "$said" && grep -qE "\"address\":\"(127.0.0.1|${mirrored:-127.0.0.1})\",\"port\":$port," "$said"
}

# Where the record of explained() has the sockets from.
source_of() { sed -nE 's/.*"source":"([a-z_]+)".*/\1/p' "$work/said" | tail -n 1; }
