# zsh_complete.zsh FOLDER LINE: what an interactive zsh offers at the end of the line, one a line. FOLDER holds _reuseshim and
# is written to.
zmodload zsh/zpty
folder=$1 line=$2
cat >$folder/.zshrc <<'RC'
PS1='READY> '
fpath=($ZDOTDIR $fpath)
autoload -U compinit
compinit -u -d $ZDOTDIR/dump
zstyle ':completion:*' list-prompt ''
LISTMAX=0
compadd() {
    local -a hits
    # Calls that only ask what would match are let through.
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
        builtin compadd -A hits "$@"
        print -rl -- $hits >>$ZDOTDIR/offered
    fi
    builtin compadd "$@"
}
offer() {
    zle complete-word
    zle -I
    print COMPLE''TED
}
zle -N offer
bindkey '^X' offer
RC
: >$folder/offered
zpty shell "ZDOTDIR=${(q)folder} TERM=dumb zsh -i"
zpty -r shell seen '*READY> *'
zpty -w -n shell "$line"$'\x18'
zpty -r shell seen '*COMPLETED*'
zpty -d shell
sed '/^$/d' $folder/offered
