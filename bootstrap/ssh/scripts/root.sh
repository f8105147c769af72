if [ "$(id -u)" = 0 ]; then exec sh -c "$1" sh "$2"; fi;
echo "$(id -un) is not root" >&2; exit 1
