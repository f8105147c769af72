# Functions of one write. Every entry is prepared under a dot-name beside its target and proven; only then is anything renamed.
set -Ceu        # -C: a temporary is created with O_EXCL, so it never follows or reuses what is there
at=/

fail() {        # fail TEXT
    printf '%s\n' "$1" >&2
    exit 1
}

undo() {        # on every exit before the last rename
    status=$?
    disk=$(df -P -- "$at" 2>/dev/null | tail -n 1)      # before the evidence goes
    clean
    printf '%s\n' "$disk" >&2
    exit "$status"
}

unchanged() {   # unchanged FILE SHA256: as it was when the plan was made; no SHA-256: it was not there
    now=
    if [ -f "$1" ]; then
        now=$(sha256sum -- "$1")
        now=${now#\\}      # sha256sum marks a name that it had to escape
        now=${now%% *}
    fi
    [ "$now" = "$2" ] || fail "$1 was changed by somebody else since the plan was made"
}

ours() {        # ours DIRECTORY: a link on the way may only be root's
    [ ! -L "$1" ] || [ "$(stat -c %u -- "$1")" = 0 ] || fail "$1 is a symbolic link that does not belong to root"
}

parents() {     # parents DIRECTORY
    at=$1
    [ -d "$1" ] || (umask 022; mkdir -p -- "$1")
}

free() {        # free TARGET PREFIX: the target may be replaced; temporaries of an interrupted write go
    if [ -d "$1" ] && [ ! -L "$1" ]; then fail "$1 is a directory"; fi
    for stale in "$2"*; do
        if [ -e "$stale" ] || [ -L "$stale" ]; then rm -f -- "$stale"; fi
    done
}

directory() {   # directory PATH MODE OWNER GROUP
    parents "${1%/*}/"
    [ -d "$1" ] || [ ! -e "$1" ] || fail "$1 exists and is not a directory"
    [ -d "$1" ] || mkdir -m "$2" -- "$1"
    chown -- "$3:$4" "$1"
    chmod -- "$2" "$1"
}

check() {       # check SUMS
    printf '%s\n' "$1" | sha256sum -c --status - || fail 'what was written is not what was sent'
}
