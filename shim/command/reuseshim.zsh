#compdef reuseshim
# Completion of reuseshim(1) for zsh. Installed as _reuseshim, where compinit finds it by its first line.
# All lists come from the command itself: what it knows, not what this file remembers.

_reuseshim_ask() {
    _call_program reuseshim ${(q)${(Q)tool}} "$@" 2>/dev/null
}

_reuseshim_policies() {
    local -a policies
    policies=(${(f)"$(_reuseshim_ask policies | sed -E 's/^([^ ]+) +/\1:/')"})
    _describe -t policies policy policies
}

_reuseshim_subcommands() {
    local -a subcommands
    subcommands=(${(f)"$(_reuseshim_ask --help | sed -nE 's/^  reuseshim ([a-z]+) +.*  ([^ ].*)$/\1:\2/p')"})
    _describe -t subcommands subcommand subcommands
}

# The options of a subcommand, as its --help has them at the beginning of a line.
_reuseshim_options() {
    local -a options
    options=(${(f)"$(_reuseshim_ask $1 --help | sed -nE 's/^ +(-.*)/\1/p' | sed 's/   .*//' |
        grep -oE -- '(^|[ ,])--?[a-z0-9][a-z0-9-]*' | tr -d ' ,')"})
    compadd -- $options
}

# "Logs: auto, stderr, fd:N, an absolute path or none": those that are words.
_reuseshim_logs() {
    local -a logs
    logs=(${(f)"$(_reuseshim_ask run --help | sed -nE 's/^Logs: //p' | sed -E 's/, | or /\n/g' | sed 's/^fd:N$/fd:/' | grep -v ' ')"})
    compadd -- $logs
}

_reuseshim_units() {
    local -a units
    units=(${(f)"$(_call_program units systemctl list-unit-files --type=service --no-legend --no-pager 2>/dev/null | cut -d' ' -f1)"})
    compadd -- $units
}

# Where the program begins in "reuseshim run -p share -- PROGRAM ARG": its index, or 0.
_reuseshim_command_at() {
    local -i i
    for ((i = 3; i < CURRENT; i++)); do
        case $words[i] in
        (-p|-r|-l|-f|--policy|--rule|--log|--format) ((i++)) ;;
        (--) REPLY=$((i + 1)); return ;;
        (-*) ;;
        (*) REPLY=$i; return ;;
        esac
    done
    REPLY=0
}

_reuseshim_option_value() {
    case $1 in
    (-p|--policy)
        [[ $PREFIX != */* ]] || { _files; return 0 }
        _reuseshim_policies
        ;;
    (-l|--log)
        [[ $PREFIX != /* ]] || { _files; return 0 }
        _reuseshim_logs
        ;;
    (-f|--format) compadd -- text json ;;
    (*) return 1 ;;
    esac
    return 0
}

_reuseshim() {
    local tool=$words[1] previous=$words[CURRENT-1] REPLY
    if ((CURRENT == 2)); then
        _reuseshim_subcommands
        compadd -- help version --help --version
        return
    fi
    case $words[2] in
    (run)
        _reuseshim_command_at
        if ((REPLY > 0)); then
            shift $((REPLY - 1)) words
            ((CURRENT -= REPLY - 1))
            _normal
        elif _reuseshim_option_value $previous; then
            return
        elif [[ $PREFIX == -* ]]; then
            _reuseshim_options run
            compadd -- --
        else
            _command_names -e
            _files
        fi
        ;;
    (check)
        [[ $PREFIX != -* ]] || _reuseshim_options check
        _reuseshim_policies
        _files
        ;;
    (policies)
        [[ $PREFIX != -* ]] || _reuseshim_options policies
        _reuseshim_policies
        ;;
    (log)
        [[ $PREFIX != -* ]] || _reuseshim_options log
        _files
        ;;
    (unit)
        _reuseshim_option_value $previous && return
        [[ $PREFIX != -* ]] || _reuseshim_options unit
        _reuseshim_units
        ;;
    (help) _reuseshim_subcommands ;;
    (version) ;;
    (*) _reuseshim_options $words[2] ;;
    esac
}

_reuseshim "$@"
