# What the tests of reuseshim run share.
# shellcheck shell=bash

tool() {
    ns "$BUILD/reuseshim" "$@"
}

# refuses CODE TEXT COMMAND...: run ends with CODE and one line that contains TEXT; the program was not run.
refuses() {
    local code=$1 text=$2
    shift 2
    run -"$code" --separate-stderr tool run "$@"
    [[ ${stderr_lines[-1]} == *"$text"* ]] || { echo "$stderr" >&2; return 1; }
    [ "${#stderr_lines[@]}" = 1 ]
    [ -z "$output" ]
}
