# Contents of regular files: a line with the number, then the content in base64.
content() {     # content NUMBER PATH
    [ -f "$2" ] || return 0
    printf '\n%s\n' "$1"
    base64 -- "$2" || [ ! -e "$2" ] || exit 1
}
