# bash completion of redis-portal. Subcommands and options are read from --help, so that they are those of the installed version.
_redis_portal() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} path=() each
    for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $each == -* ]] && break
        path+=("$each")
    done
    local help
    help=$("${COMP_WORDS[0]}" "${path[@]}" --help 2>/dev/null) || help=$("${COMP_WORDS[0]}" "${path[0]}" --help 2>/dev/null)
    case $before in
        --config | -c | --dir | --token) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
    esac
    local words
    words=$(sed -n '/^Subcommands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p' <<<"$help")
    [[ $word == -* || -z $words ]] && words=$(grep -o -- '--[a-z][a-z-]*' <<<"$help" | sort -u)
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o filenames -F _redis_portal redis-portal
