# What the other parts of the script stand on. POSIX sh.
#
# Lists are words, one a line; file names, which may hold anything, are positional parameters.

unset QUOTING_STYLE POSIXLY_CORRECT BLOCK_SIZE DF_BLOCK_SIZE BLOCKSIZE CDPATH
LC_ALL=C
TZ=UTC0
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin
export LC_ALL TZ PATH
more=: # what is asked for beyond the facts that every command needs
set -f
nl='
'
white=" 	$nl"
IFS=$nl
unit_dirs=/etc/systemd/system$nl/run/systemd/system$nl/usr/local/lib/systemd/system$nl/usr/lib/systemd/system$nl/lib/systemd/system

first_line() { # FILE: sets $line
    line=
    if [ -r "$1" ]; then IFS= read -r line <"$1"; fi
}

lookup() { # NAME: sets $found to its path
    IFS=:
    for found in $PATH; do
        found=$found/$1
        if [ -f "$found" ] && [ -x "$found" ]; then break; fi
        found=
    done
    IFS=$nl
}

values() { # PATTERN TEXT: sets $words to what follows each match: one word, without quotes
    words=
    rest=$2
    while :; do
        case $rest in
        *$1*) rest=${rest#*$1} ;;
        *) break ;;
        esac
        word=$rest
        while :; do
            case $word in
            [=:\"\'$white]*) word=${word#?} ;;
            *) break ;;
            esac
        done
        word=${word%%[$white\"\'\\,\}]*}
        case $nl$words$nl in
        *"$nl$word$nl"*) ;;
        *) words=$words$nl$word ;;
        esac
    done
}

regular() { # PROGRAM... -- PATH...: the program on those paths that are regular files (never on a pipe: it would wait for ever)
    left=$#
    options=yes
    files=0
    while [ "$left" -gt 0 ]; do
        one=$1
        shift
        left=$((left - 1))
        if [ "$options" = yes ]; then
            set -- "$@" "$one"
            if [ "$one" = -- ]; then options=no; fi
        elif [ -f "$one" ]; then
            set -- "$@" "$one"
            files=$((files + 1))
        fi
    done
    if [ "$files" -gt 0 ]; then timeout 20 "$@"; fi
}
