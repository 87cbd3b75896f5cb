#!/usr/bin/env bash
# Installs what the tests need and says which tests are left out where that cannot be done.
# With CI=true leaving anything out is a failure.
set -euo pipefail

left_out=()

# need NAME TEST-OF-PRESENCE WHAT-IS-LEFT-OUT PACKAGE...
need() {
	local name=$1 present=$2 tests=$3
	shift 3
	if eval "$present" >/dev/null 2>&1; then
		return
	fi
	echo "installing $name ($*)"
	if ! install_packages "$@"; then
		left_out+=("$tests: $name cannot be installed here (packages $*; root or sudo, and apt, are needed)")
		return
	fi
	if ! eval "$present" >/dev/null 2>&1; then
		left_out+=("$tests: $name is still missing after its packages were installed")
	fi
}

as_root=()
if [ "$(id -u)" != 0 ]; then
	as_root=(sudo -n)
fi

updated=no
install_packages() {
	command -v apt-get >/dev/null || return 1
	if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
		return 1
	fi
	if [ $updated = no ]; then
		"${as_root[@]}" apt-get update -qq >/dev/null || return 1
		updated=yes
	fi
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need "a C compiler for the race detector" "command -v gcc" "all tests with the race detector" gcc libc6-dev
need "Java" "java -version" "tests among real ZooKeeper servers" default-jre-headless
need "ZooKeeper" "test -f /usr/share/java/zookeeper.jar" "tests among real ZooKeeper servers" zookeeper
need "ss" "command -v ss" "the count of connections as the kernel sees them" iproute2

if [ ${#left_out[@]} -gt 0 ]; then
	echo "LEFT OUT:"
	printf '  %s\n' "${left_out[@]}"
	if [ "${CI:-}" = true ]; then
		exit 1
	fi
fi
