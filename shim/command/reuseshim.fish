# Completion of reuseshim(1) for fish. Installed where fish finds it by the name of the command.
# All lists come from the command itself: what it knows, not what this file remembers.

function __reuseshim_ask
    set -l words (commandline -opc)
    $words[1] $argv 2>/dev/null
end

function __reuseshim_policies
    __reuseshim_ask policies | string replace -r '^(\S+) +' '$1\t'
end

function __reuseshim_subcommands
    __reuseshim_ask --help | string replace -rf '^  reuseshim ([a-z]+) +.*  (\S.*)$' '$1\t$2'
end

# The options of a subcommand, as its --help has them at the beginning of a line.
function __reuseshim_options
    __reuseshim_ask $argv[1] --help | string replace -rf '^ +(-.*)' '$1' | string replace -r '   .*' '' |
        string match -ar -- '(?:^|[ ,])--?[a-z0-9][a-z0-9-]*' | string trim -c ' ,'
end

# "Logs: auto, stderr, fd:N, an absolute path or none": those that are words.
function __reuseshim_logs
    __reuseshim_ask run --help | string replace -rf '^Logs: ' '' | string replace -ar ', | or ' '\n' | string split '\n' |
        string replace -r '^fd:N$' 'fd:' | string match -rv ' '
end

function __reuseshim_units
    systemctl list-unit-files --type=service --no-legend --no-pager 2>/dev/null | string replace -r ' .*' ''
end

# Where the program begins in "reuseshim run -p share -- PROGRAM ARG": its index, or nothing.
function __reuseshim_command_at
    set -l words $argv
    set -l at 3
    while test $at -le (count $words)
        switch $words[$at]
            case -p -r -l -f --policy --rule --log --format
                set at (math $at + 1)
            case --
                echo (math $at + 1)
                return
            case '-*'
            case '*'
                echo $at
                return
        end
        set at (math $at + 1)
    end
end

function __reuseshim_option_value
    set -l current (commandline -ct)
    switch $argv[1]
        case -p --policy
            __reuseshim_policies
            string match -q '*/*' -- $current; and __fish_complete_path $current
        case -l --log
            __reuseshim_logs
            string match -q '/*' -- $current; and __fish_complete_path $current
        case -f --format
            printf '%s\n' text json
        case '*'
            return 1
    end
    return 0
end

function __reuseshim_run
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l at (__reuseshim_command_at $words)
    if test -n "$at"
        # As if the line began there.
        complete -C (string join ' ' -- (string escape -- $words[$at..]) $current)
    else if __reuseshim_option_value $words[-1]
        return
    else if string match -q -- '-*' $current
        __reuseshim_options run
        echo --
    else
        __fish_complete_command
        __fish_complete_path $current
    end
end

function __reuseshim
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l option no
    string match -q -- '-*' $current; and set option yes
    if test (count $words) = 1
        __reuseshim_subcommands
        printf '%s\n' help version --help --version
        return
    end
    switch $words[2]
        case run
            __reuseshim_run
        case check
            test $option = no; or __reuseshim_options check
            __reuseshim_policies
            __fish_complete_path $current
        case policies
            test $option = no; or __reuseshim_options policies
            __reuseshim_policies
        case log
            test $option = no; or __reuseshim_options log
            __fish_complete_path $current
        case unit
            __reuseshim_option_value $words[-1]; and return
            test $option = no; or __reuseshim_options unit
            __reuseshim_units
        case help
            __reuseshim_subcommands
        case version
        case '*'
            __reuseshim_options $words[2]
    end
end

complete -c reuseshim -f -a '(__reuseshim)'
