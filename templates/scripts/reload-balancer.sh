# Make the balancer of this node read its configuration again: SIGUSR2 to HAProxy's master process, and to no other process.
#
#   reload-balancer.sh CONFIGURATION
#
# The master is the first process of a pod's container (process 1 there) that was started with this configuration. Where
# none runs there is nothing to do: one that starts later reads the file that is there by then.
set -u

for status in /proc/[0-9]*/status; do
	pid=${status#/proc/}
	pid=${pid%/status}
	ids=
	while read -r key values; do
		case $key in
		NSpid:) ids=$values ;;
		esac
	done 2>/dev/null <"$status"
	# shellcheck disable=SC2086  # IDs are words
	set -- "$1" $ids
	if [ $# -ne 3 ] || [ "$3" != 1 ]; then continue; fi
	case $(tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null) in
	haproxy*"
$1" | */haproxy*"
$1") ;;
	*) continue ;;
	esac
	case $(cat "/proc/$pid/cgroup" 2>/dev/null) in
	*/kubepods* | *-pod*) kill -USR2 "$pid" && echo "told process $pid" ;;
	esac
done
exit 0
