if [ "$(id -u)" = 0 ]; then exec sh -c "$1" sh "$2"; fi;
exec sudo -k -n sh -c "$1" sh "$2"
