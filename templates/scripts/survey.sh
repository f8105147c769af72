# Answers what preflight asks of this host alone: which images its runtime lacks, what names resolve to, what its kernel is built
# with, how long its disk takes for the writes of an etcd. Needs sh and coreutils; getent, ctr or crictl, gzip, fallocate are used
# where they are found.
#
# sh -s -- [image REF | resolve NAME | registry NAME | runtime NAME | socket PATH | option NAME | disk DATA_DIR]...
#
# Only with `disk` is anything written: one file of 256 KiB on the file system of etcd's data directory, removed again.
# Output: lines `KEY VALUE`, read by bootstrap/preflight/answers.py.
LC_ALL=C
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin
export LC_ALL PATH
set -f
umask 077
nl='
'

say() { # KEY TEXT: the text on one line
	IFS=$white
	# shellcheck disable=SC2086
	set -- "$1" $2
	IFS=' '
	printf '%s\n' "$*"
	IFS=$nl
}

resolve() { # NAME: sshd must not do it: while its resolver waits, the whole connection does
	if ! command -v getent >/dev/null 2>&1; then
		printf 'names-failed there is no getent\n'
		return
	fi
	found=$(timeout 4 getent ahosts "$1")
	any=no
	for line in $found; do
		case $line in
		*[0-9a-f][\ \	]*STREAM*)
			printf 'address %s %s\n' "$1" "${line%%[ 	]*}"
			any=yes
			;;
		esac
	done
	if [ "$any" = no ]; then printf 'unresolved %s\n' "$1"; fi
}

kernel() { # which of the wanted options are on, by the first configuration of this kernel that can be read. No module is loaded
	# for it, and /usr/src/linux may be another kernel's: system-validators would look there, too.
	IFS= read -r release </proc/sys/kernel/osrelease
	for file in /proc/config.gz "/boot/config-$release" "/usr/src/linux-$release/.config" "/usr/lib/modules/$release/config" \
		"/usr/lib/ostree-boot/config-$release" "/usr/lib/kernel/config-$release" "/usr/src/linux-headers-$release/.config" \
		"/lib/modules/$release/build/.config"; do
		case $file in
		*.gz) text=$(timeout 5 gzip -dc "$file") || continue ;;
		*) text=$(timeout 5 cat "$file") || continue ;;
		esac
		any=no
		for line in $text; do
			case $line in
			CONFIG_*=[ym])
				name=${line#CONFIG_}
				name=${name%=?}
				case $options$nl in
				*"$nl$name$nl"*)
					printf 'kernel-option %s\n' "$name"
					any=yes
					;;
				esac
				;;
			esac
		done
		if [ "$any" = yes ]; then
			printf 'kernel-config %s\n' "$file"
			return
		fi
	done
}

listed() { # sets $have to the names of the images that the runtime has
	have=
	if [ "$runtime" = containerd ] && command -v ctr >/dev/null 2>&1; then
		have=$(timeout 15 ctr -a "$socket" -n k8s.io images ls -q 2>&1) && return 0
		say images-failed "ctr: $have"
	elif command -v crictl >/dev/null 2>&1; then
		if table=$(timeout 15 crictl -r "unix://$socket" -i "unix://$socket" images 2>&1); then
			for line in $table; do
				IFS=$white
				# shellcheck disable=SC2086
				set -- $line
				IFS=$nl
				have=$have$nl$1:$2
			done
			return 0
		fi
		say images-failed "crictl: $table"
	else
		printf 'images-failed neither ctr nor crictl was found\n'
	fi
	return 1
}

images() {
	if ! listed; then return; fi
	printf 'images listed\n'
	missing=no
	for one in $wanted; do
		case $nl$have$nl in
		*"$nl$one$nl"*) ;;
		*)
			printf 'missing %s\n' "$one"
			missing=yes
			;;
		esac
	done
	if [ "$missing" = no ]; then return; fi
	for one in $registries; do resolve "$one"; done
	if [ "$runtime" = containerd ] && ! elsewhere; then printf 'direct yes\n'; fi
}

elsewhere() { # whether containerd may pull from a mirror, or through a proxy
	set +f
	for one in /etc/containerd/certs.d/* /etc/docker/certs.d/*; do
		if [ -e "$one" ]; then
			set -f
			return 0
		fi
	done
	text=$(timeout 5 cat /etc/containerd/config.toml /etc/containerd/conf.d/*.toml 2>/dev/null)
	set -f
	case $text in
	*mirror* | *config_path*) return 0 ;;
	esac
	text=$(timeout 5 systemctl show -p Environment,EnvironmentFiles containerd.service 2>&1) || return 0
	case $text in
	*PROXY* | *proxy* | *EnvironmentFiles=/* | *EnvironmentFiles=-*) return 0 ;;
	esac
	return 1
}

hundredths() { # sets $now: hundredths of a second since boot, without a process
	IFS=' ' read -r now rest </proc/uptime
	now=${now%.*}${now#*.}
}

disk() { # DATA_DIR: writes as etcd's log does: a file made beforehand, 2300 bytes at a time, each synchronous. dd itself tells
	# how long the one write took: the start of a process is not in it. 100 writes, fewer where they take long.
	directory=$1
	until [ -d "$directory" ]; do
		directory=${directory%/*}
		directory=${directory:-/}
	done
	printf 'disk %s\n' "$directory"
	set +f
	rm -f -- "$directory"/.bootstrap-disk-??????
	set -f
	if ! file=$(mktemp "$directory/.bootstrap-disk-XXXXXX" 2>&1); then
		say disk-failed "$file"
		return
	fi
	trap 'rm -f -- "$file"' EXIT
	trap 'exit 143' HUP INT TERM
	fallocate -l 262144 "$file" 2>/dev/null || dd if=/dev/zero of="$file" bs=262144 count=1 2>/dev/null
	sync "$file" 2>/dev/null
	hundredths
	began=$now
	number=0
	while [ "$number" -lt 100 ]; do
		if ! said=$(dd if=/dev/zero of="$file" bs=2300 count=1 seek="$number" conv=notrunc oflag=dsync 2>&1); then
			say disk-failed "$said"
			return
		fi
		printf 'write %s\n' "${said##*copied, }"
		number=$((number + 1))
		hundredths
		if [ $((now - began)) -gt 300 ]; then return; fi
		if [ "$number" -ge 30 ] && [ $((now - began)) -gt 50 ]; then return; fi
	done
}

main() {
	white=" 	$nl"
	IFS=$nl
	wanted='' registries='' names='' options='' runtime='' socket='' data_dir=''
	while [ $# -gt 1 ]; do
		case $1 in
		image) wanted=$wanted$nl$2 ;;
		registry) registries=$registries$nl$2 ;;
		resolve) names=$names$nl$2 ;;
		option) options=$options$nl$2 ;;
		runtime) runtime=$2 ;;
		socket) socket=$2 ;;
		disk) data_dir=$2 ;;
		esac
		shift 2
	done
	for one in $names; do resolve "$one"; done
	if [ -n "$options" ]; then kernel; fi
	if [ -n "$wanted" ]; then images; fi
	if [ -n "$data_dir" ]; then disk "$data_dir"; fi
	exit 0
}

main "$@" </dev/null 2>/dev/null
