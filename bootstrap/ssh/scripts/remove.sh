# Removing trees without ever leaving their file system.
set -eu

fail() {        # fail TEXT
    printf '%s\n' "$1" >&2
    exit 1
}

unescaped() {   # unescaped MOUNT-POINT: as /proc writes it; plain in $text
    text= rest=$1
    while case $rest in *\\*) ;; *) false ;; esac; do
        text=$text${rest%%\\*}
        rest=${rest#*\\}
        case $rest in
            040*) text="$text " ;;
            011*) text=$text$tab ;;
            012*) text=$text$newline ;;
            *) text="$text\\" ;;
        esac
        rest=${rest#???}
    done
    text=$text$rest
}

tree() {        # tree PATH
    if [ -L "$1" ] || [ ! -d "$1" ]; then
        rm -f -- "$1"
        return 0
    fi
    real=$(readlink -f -- "$1"; echo .)
    real=${real%??}
    [ "$real" != / ] || fail 'the root directory cannot be removed'
    mounted=
    while read -r _ _ _ _ point _; do
        unescaped "$point"
        case $text in
            "$real") mounted=yes ;;
            "$real"/*) fail "something is mounted below $1: $text" ;;
        esac
    done </proc/self/mountinfo
    if [ -n "$mounted" ]; then
        # The mount point itself stays: it is busy, and it belongs to whoever mounted it.
        for entry in "$real"/* "$real"/.[!.]* "$real"/..?*; do
            rm -rf --one-file-system -- "$entry"
        done
    else
        rm -rf --one-file-system -- "$1"
    fi
}

tab='	'
newline='
'
