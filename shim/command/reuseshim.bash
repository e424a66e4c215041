# Completion of reuseshim(1) for bash. Installed where bash-completion(7) finds it by the name of the command.
# shellcheck shell=bash

# All lists come from the command itself: what it knows, not what this file remembers.
_reuseshim_policies() {
    "${COMP_WORDS[0]}" policies 2>/dev/null | cut -d' ' -f1
}

_reuseshim_subcommands() {
    "${COMP_WORDS[0]}" --help 2>/dev/null | sed -nE 's/^  reuseshim ([a-z]+) .*/\1/p'
}

# The options of a subcommand, as its --help has them at the beginning of a line.
_reuseshim_options() {
    "${COMP_WORDS[0]}" "$1" --help 2>/dev/null | sed -nE 's/^ +(-.*)/\1/p' | sed 's/   .*//' |
        grep -oE -- '(^|[ ,])--?[a-z0-9][a-z0-9-]*' | tr -d ' ,'
}

# "Logs: auto, stderr, fd:N, an absolute path or none": those that are words.
_reuseshim_logs() {
    "${COMP_WORDS[0]}" run --help 2>/dev/null | sed -nE 's/^Logs: //p' | sed -E 's/, | or /\n/g' | sed 's/^fd:N$/fd:/' | grep -v ' '
}

_reuseshim_units() {
    systemctl list-unit-files --type=service --no-legend --no-pager 2>/dev/null | cut -d' ' -f1
}

_reuseshim_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_reuseshim_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
}

# Where the program begins in "reuseshim run -p share -- PROGRAM ARG": its index, or nothing.
_reuseshim_command_at() {
    local i
    for ((i = 2; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -p | -r | -l | -f | --policy | --rule | --log | --format) ((i++)) ;;
        --) echo $((i + 1)) && return ;;
        -*) ;;
        *) echo "$i" && return ;;
        esac
    done
}

_reuseshim_option_value() {
    case $1 in
    -p | --policy)
        _reuseshim_words "$(_reuseshim_policies)"
        [[ $cur != */* ]] || _reuseshim_files
        ;;
    -l | --log)
        _reuseshim_words "$(_reuseshim_logs)"
        [[ $cur != /* ]] || _reuseshim_files
        ;;
    -f | --format) _reuseshim_words "text json" ;;
    *) return 1 ;;
    esac
}

_reuseshim() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} at
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _reuseshim_words "$(_reuseshim_subcommands) help version --help --version"
        return
    fi
    case ${COMP_WORDS[1]} in
    run)
        at=$(_reuseshim_command_at)
        if [[ -n $at ]] && declare -F _command_offset >/dev/null; then
            _command_offset "$at"
        elif _reuseshim_option_value "$previous"; then
            return
        elif [[ $cur == -* ]]; then
            _reuseshim_words "$(_reuseshim_options run) --"
        elif [[ -z $at ]]; then
            mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        else
            _reuseshim_files
        fi
        ;;
    check)
        _reuseshim_words "$(_reuseshim_policies) $(_reuseshim_options check)"
        _reuseshim_files
        ;;
    policies) _reuseshim_words "$(_reuseshim_policies) $(_reuseshim_options policies)" ;;
    log)
        [[ $cur != -* ]] || _reuseshim_words "$(_reuseshim_options log)"
        _reuseshim_files
        ;;
    why | wait)
        _reuseshim_words "$(_reuseshim_options "${COMP_WORDS[1]}")"
        [[ $cur != /* ]] || _reuseshim_files
        ;;
    unit) _reuseshim_option_value "$previous" || _reuseshim_words "$(_reuseshim_units) $(_reuseshim_options unit)" ;;
    help) _reuseshim_words "$(_reuseshim_subcommands)" ;;
    version) ;;
    *) _reuseshim_words "$(_reuseshim_options "${COMP_WORDS[1]}")" ;;
    esac
}

complete -F _reuseshim reuseshim
