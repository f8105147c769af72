# Removing trees without ever leaving their file system.
set -eu

fail() {        # fail TEXT
    printf '%s\n' "$1" >&2
    exit 1
}

plain() {       # plain TEXT ESCAPE CHARACTER: TEXT with every ESCAPE replaced; in $text
    text=$1
    while :; do
        case $text in
            *"$2"*) text=${text%%"$2"*}$3${text#*"$2"} ;;
            *) return 0 ;;
        esac
    done
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
        case $point in
            *\\*)
                plain "$point" '\040' ' '; plain "$text" '\011' "$tab"; plain "$text" '\012' "$newline"; plain "$text" '\134' '\'
                point=$text ;;
        esac
        case $point in
            "$real") mounted=yes ;;
            "$real"/*) fail "something is mounted below $1: $point" ;;
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
