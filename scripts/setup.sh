#!/usr/bin/env bash
# Installs what the tests need and says which tests are left out where that cannot be done.
# With CI=true leaving anything out is a failure.
#
#   scripts/setup.sh          for the tests
#   scripts/setup.sh bench    for the benchmarks
set -euo pipefail
cd "$(dirname "$0")/.."

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

partial=
trap 'rm -rf "$partial"' EXIT # what an interrupted build left

# tool NAME WHAT-IS-LEFT-OUT PACKAGE...
# Builds programs that tests start, from tools/NAME, a module of its own that pins them and all that they
# consist of. They stay in .tools/NAME-KEY until one of these versions changes.
tool() {
	local name=$1 tests=$2
	shift 2
	local key dir begun=$SECONDS
	key=$(cat "tools/$name/go.mod" "tools/$name/go.sum" | sha256sum | cut -c 1-12)
	dir=.tools/$name-$key
	if [ -d "$dir" ]; then
		return
	fi
	echo "building $name ($*): minutes the first time, seconds when Go's build cache has it"
	mkdir -p .tools
	partial=$(mktemp -d .tools/partial.XXXXXX)
	# Each setting here is part of what Go's build cache knows the parts by.
	if ! (cd "tools/$name" && CGO_ENABLED=0 GOFLAGS='' GOWORK=off go build -mod=readonly -buildvcs=false \
		-ldflags '-s -w' -o "../../$partial/" "$@") 2>"$partial/errors"; then
		left_out+=("$tests: $name cannot be built here: $(tail -n 1 "$partial/errors")")
		rm -rf "$partial"
		return
	fi
	rm -rf "$partial/errors" .tools/"$name"-*
	chmod 755 "$partial"
	mv "$partial" "$dir"
	echo "built $name in $((SECONDS - begun)) s"
}

# finish says what was left out.
finish() {
	if [ ${#left_out[@]} -eq 0 ]; then
		return
	fi
	echo "LEFT OUT:"
	printf '  %s\n' "${left_out[@]}"
	if [ "${CI:-}" = true ]; then
		exit 1
	fi
}

case ${1:-tests} in
tests) ;;
bench)
	need "Java" "java -version" "ZooKeeper beside electnode" default-jre-headless
	need "ZooKeeper" "test -f /usr/share/java/zookeeper.jar" "ZooKeeper beside electnode" zookeeper
	need "etcd" "command -v etcd" "etcd beside electnode" etcd-server
	finish
	exit
	;;
*)
	echo "usage: scripts/setup.sh [tests | bench]" >&2
	exit 2
	;;
esac

need "a C compiler for the race detector" "command -v gcc" "all tests with the race detector" gcc libc6-dev
need "Java" "java -version" "tests among real ZooKeeper servers" default-jre-headless
need "jcmd" "command -v jcmd" "the memory of real ZooKeeper servers under a watcher" default-jdk-headless
need "ZooKeeper" "test -f /usr/share/java/zookeeper.jar" "tests among real ZooKeeper servers" zookeeper
need "ss" "command -v ss" "the count of connections as the kernel sees them" iproute2
need "ip" "command -v ip" "the fault laboratory" iproute2
need "Chromium" "command -v chromium" "tests of the page in a browser" chromium
tool prometheus "tests of metrics with a real Prometheus" \
	github.com/prometheus/prometheus/cmd/prometheus github.com/prometheus/prometheus/cmd/promtool
tool alertmanager "checks of the Alertmanager configuration, and the Compose demo" \
	github.com/prometheus/alertmanager/cmd/alertmanager github.com/prometheus/alertmanager/cmd/amtool
tool compose "the Compose demo" github.com/docker/compose/v2/cmd
need "busybox" "command -v busybox" "the Compose demo" busybox-static
tool jaeger "tests of traces with a real Jaeger" github.com/jaegertracing/jaeger/cmd/all-in-one

finish
