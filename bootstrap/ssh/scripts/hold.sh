# One operator at a time: a lock, held for as long as signs of life come on standard input. The kernel frees it when this
# process ends, for whatever reason; so its descriptor (9) is given to nobody who could outlive it.
set -u

fail() {        # fail TEXT
    printf '%s\n' "$1" >&2
    exit 1
}

ours() {        # ours FILE: the name still leads to the file that is locked
    [ "$1" -ef /proc/self/fd/9 ]
}

taken() {       # taken FILE: by whom, and what time it is here
    exec 9>&-
    sleep 0.2   # who has just got it is about to write his name
    read -r is <"$1"
    printf 'taken %s %s\n' "$(date +%s)" "$is"
    exit 0
}

hold() {        # hold DIRECTORY OWNER SECONDS WHERE
    command -v flock >/dev/null || fail 'the program flock is missing (package util-linux)'
    [ -d "$1" ] || mkdir -m 0700 -- "$1" || [ -d "$1" ] || exit 1
    [ ! -L "$1" ] && [ "$(stat -c %u:%a -- "$1")" = 0:700 ] || fail "$1 is not a directory of root's alone (mode 0700)"
    file=$1/lock
    [ ! -L "$file" ] || fail "$file is a symbolic link"
    since=$(date +%s)
    exec 9>>"$file"
    flock -n -E 75 9
    case $? in
        0) ;;
        75) taken "$file" ;;
        *) exit 1 ;;
    esac
    ours "$file" || fail "$file was removed or replaced"
    read -r was <"$file"
    printf '%s %s%s\n' "$since" "$2" "$4" >"$file" || exit 1
    printf 'held %s\n' "$was"
    # A sign of life is eight characters and a line feed. Fewer: no more come, or none came in time.
    while beat=$(exec 9>&-; exec timeout "$3" head -c 9); [ "${#beat}" = 8 ]; do
        ours "$file" || fail "$file was removed or replaced"
        if [ "$beat" = released ]; then break; fi
        echo "$beat"
    done
}
