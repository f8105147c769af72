umask 077; cd /;
export LC_ALL=C PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH:/opt/bin";
echo; echo "$1 ready";
while read -r tag size sum talk; do
body=$(head -c "$size"; echo .); body=${body%.};
have=$(printf %s "$body" | sha256sum);
[ "${have%% *}" = "$sum" ] || exit 3;
echo; echo "$tag begin"; { echo; echo "$tag begin"; } >&2;
if [ "$talk" ]; then ( eval "$body" ); else ( eval "$body" ) </dev/null; fi;
status=$?;
echo; echo "$tag end $status"; { echo; echo "$tag end $status"; } >&2;
done;
exit 0
