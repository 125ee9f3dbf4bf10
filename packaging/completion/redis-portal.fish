# fish completion of redis-portal. Subcommands and options are read from --help, so that they are those of the installed version.
function __redis_portal_help
    set -l path
    for each in (commandline -opc)[2..]
        string match -q -- '-*' $each; and break
        set -a path $each
    end
    redis-portal $path --help 2>/dev/null
end
function __redis_portal_subcommands
    __redis_portal_help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z][a-z-]*\)  *\(.*\)/\1\t\2/p'
end
function __redis_portal_options
    __redis_portal_help | string match -r -a -- '--[a-z][a-z-]*' | sort -u
end
complete -c redis-portal -f -a '(__redis_portal_subcommands)'
complete -c redis-portal -f -n 'string match -q -- "-*" (commandline -ct)' -a '(__redis_portal_options)'
complete -c redis-portal -r -s c -l config
complete -c redis-portal -r -l dir
