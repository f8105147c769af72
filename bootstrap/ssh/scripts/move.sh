# A rename that never turns into a copy.
set -eu

fail() {        # fail TEXT
    printf '%s\n' "$1" >&2
    exit 1
}

there() {       # there PATH
    [ -e "$1" ] || [ -L "$1" ]
}

rename() {      # rename SOURCE TARGET SOURCE-DIRECTORY TARGET-DIRECTORY
    if ! there "$1"; then
        there "$2" || fail "neither $1 nor $2 exists"
        return 0
    fi
    ! there "$2" || fail "$2 exists already"
    [ "$(stat -c %d -- "$3")" = "$(stat -c %d -- "$4")" ] || fail "$1 and $4 are on different file systems"
    if [ -d "$1" ] && [ ! -L "$1" ] && [ "$(stat -c %d -- "$1")" != "$(stat -c %d -- "$3")" ]; then
        fail "$1 is a mount point"
    fi
    mv -T -n -- "$1" "$2"
    there "$1" && fail "$2 appeared meanwhile"
    sync -- "$3" "$4"
}
