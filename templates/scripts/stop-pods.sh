# End every pod that is left on this host after its kubelet has stopped, and free what the kubelet mounted.
# Needs nothing but sh, coreutils and util-linux; crictl or ctr are used where they are found.
set -u

end_with_crictl() {
	pods=$(crictl pods -q 2>/dev/null) || return 1
	[ -z "$pods" ] && return 0
	# shellcheck disable=SC2086
	crictl stopp $pods >/dev/null 2>&1
	# shellcheck disable=SC2086
	crictl rmp -f $pods >/dev/null 2>&1
}

end_with_ctr() {
	ctr -n k8s.io tasks ls -q >/dev/null 2>&1 || return 1
	for id in $(ctr -n k8s.io tasks ls -q); do
		ctr -n k8s.io tasks kill -s SIGKILL "$id" >/dev/null 2>&1
	done
	tries=0
	while [ -n "$(ctr -n k8s.io tasks ls -q 2>/dev/null)" ] && [ "$tries" -lt 20 ]; do
		for id in $(ctr -n k8s.io tasks ls -q); do
			ctr -n k8s.io tasks rm -f "$id" >/dev/null 2>&1
		done
		tries=$((tries + 1))
		sleep 0.2
	done
	for id in $(ctr -n k8s.io containers ls -q 2>/dev/null); do
		ctr -n k8s.io containers rm "$id" >/dev/null 2>&1
	done
}

# Without a client of the runtime: end the processes in the pods' cgroups, by their ids.
end_by_process() {
	for file in /proc/[0-9]*/cgroup; do
		pid=${file#/proc/}
		pid=${pid%/cgroup}
		while IFS= read -r line; do
			case $line in
			*/kubepods*) kill -KILL "$pid" 2>/dev/null ;;
			esac
		done 2>/dev/null <"$file"
	done
}

if command -v crictl >/dev/null 2>&1 && end_with_crictl; then
	:
elif command -v ctr >/dev/null 2>&1 && end_with_ctr; then
	:
else
	end_by_process
fi

# Mounts of the kubelet's own below its directory, deepest first; everything elsewhere stays mounted.
umount_below() {
	list=
	while read -r _ _ _ _ target _; do
		case $target in
		/var/lib/kubelet/pods/* | /var/lib/kubelet/plugins/*) list="$target $list" ;;
		esac
	done </proc/self/mountinfo
	for target in $list; do
		umount "$(printf '%b' "$target")" 2>/dev/null
	done
}
umount_below
umount_below
exit 0
