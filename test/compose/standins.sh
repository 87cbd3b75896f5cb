#!/usr/bin/env bash
# Makes the images that the Dockerfile and docker-compose.yml name, from what is on this machine: a static busybox,
# this machine's Go and certificates, and the programs that scripts/setup.sh built. They have the names, tags, paths,
# users and entry points of the official ones, so that the committed files run unmodified. An image that is there
# already, real or not, is left alone. Prints the names of those that it made.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck disable=SC1091
. ./.env

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# root NAME makes a file system with busybox in it.
root() {
	local dir=$work/$1
	mkdir -p "$dir"/{bin,etc/ssl/certs,tmp,usr/bin,root}
	cp "$(command -v busybox)" "$dir/bin/busybox"
	for applet in sh wget mkdir cp rm ls cat chown chmod env sleep touch mv uname id; do
		ln -s busybox "$dir/bin/$applet"
	done
	chmod 1777 "$dir/tmp"
	printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n' >"$dir/etc/passwd"
	printf 'root:x:0:\nnobody:x:65534:\n' >"$dir/etc/group"
	cp -L /etc/ssl/certs/ca-certificates.crt "$dir/etc/ssl/certs/ca-certificates.crt"
	echo "$dir"
}

# import DIR IMAGE CHANGE... makes an image of a file system.
import() {
	local dir=$1 image=$2 changes=()
	shift 2
	for change in "$@"; do changes+=(--change "$change"); done
	tar -C "$dir" -c . | docker import "${changes[@]}" --change 'LABEL electnode.standin=true' - "$image" >/dev/null
	echo "$image"
}

missing() { ! docker image inspect "$1" >/dev/null 2>&1; }

only() { # the one directory that a pattern names
	local all=("$@")
	[ -d "${all[0]}" ] || { echo "no ${all[0]}: run make setup" >&2; exit 1; }
	echo "${all[0]}"
}

go_image=$(sed -n 's/^ARG GO_IMAGE=//p' Dockerfile)
if missing "$go_image"; then
	dir=$(root go)
	mkdir -p "$dir/usr/local" "$dir/go"
	cp -r "$(go env GOROOT)" "$dir/usr/local/go"
	rm -rf "$dir"/usr/local/go/{test,doc,api,misc}
	import "$dir" "$go_image" 'ENV PATH=/go/bin:/usr/local/go/bin:/bin:/usr/bin' 'ENV GOPATH=/go' 'ENV GOTOOLCHAIN=local' \
		'WORKDIR /go'
fi

image=prom/prometheus:$PROMETHEUS_TAG
if missing "$image"; then
	dir=$(root prometheus)
	mkdir -p "$dir"/{etc/prometheus,prometheus}
	chown 65534:65534 "$dir/prometheus"
	from=$(only .tools/prometheus-*)
	cp "$from"/{prometheus,promtool} "$dir/bin/"
	import "$dir" "$image" 'USER 65534' 'WORKDIR /prometheus' 'VOLUME /prometheus' 'EXPOSE 9090' 'ENTRYPOINT ["/bin/prometheus"]' \
		'CMD ["--config.file=/etc/prometheus/prometheus.yml","--storage.tsdb.path=/prometheus"]'
fi

image=prom/alertmanager:$ALERTMANAGER_TAG
if missing "$image"; then
	dir=$(root alertmanager)
	mkdir -p "$dir"/{etc/alertmanager,alertmanager}
	chown 65534:65534 "$dir/alertmanager"
	from=$(only .tools/alertmanager-*)
	cp "$from"/{alertmanager,amtool} "$dir/bin/"
	import "$dir" "$image" 'USER 65534' 'WORKDIR /alertmanager' 'VOLUME /alertmanager' 'EXPOSE 9093' \
		'ENTRYPOINT ["/bin/alertmanager"]' \
		'CMD ["--config.file=/etc/alertmanager/alertmanager.yml","--storage.path=/alertmanager"]'
fi

# Jaeger 1 in the place of Jaeger 2: the same ports for spans, queries and health.
image=jaegertracing/jaeger:$JAEGER_TAG
if missing "$image"; then
	dir=$(root jaeger)
	mkdir -p "$dir/cmd/jaeger"
	from=$(only .tools/jaeger-*)
	cp "$from/all-in-one" "$dir/cmd/jaeger/all-in-one"
	printf '#!/bin/sh\nexec /cmd/jaeger/all-in-one --memory.max-traces=100000 --collector.otlp.grpc.host-port=:4317 --collector.otlp.http.host-port=:4318 --query.http-server.host-port=:16686 --admin.http.host-port=:13133\n' \
		>"$dir/cmd/jaeger/jaeger-linux"
	chmod +x "$dir/cmd/jaeger/jaeger-linux"
	import "$dir" "$image" 'USER 10001' 'EXPOSE 4317 4318 16686 13133' 'ENTRYPOINT ["/cmd/jaeger/jaeger-linux"]'
fi

# Debian's ZooKeeper 3.8.0 and this machine's Java in the place of a newer ZooKeeper, with what its entry script makes of
# the environment. It runs as the user of the official image from the start; that one begins as root to own its volumes.
image=zookeeper:$ZOOKEEPER_TAG
if missing "$image"; then
	dir=$(root zookeeper)
	for applet in nc grep; do ln -s busybox "$dir/bin/$applet"; done
	java=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
	mkdir -p "$dir"/{opt/java,conf,data,datalog,logs,usr/share/java}
	tar -C "$java" -ch --exclude=./{jmods,include,man,legal,demo,lib/src.zip,lib/ct.sym} . | tar -C "$dir/opt/java" -x
	# What Java's own libraries need of the system's.
	find "$java/bin/java" "$java/lib" -name '*.so' -o -name java -type f | xargs ldd 2>/dev/null |
		sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*ld-linux[^ ]*\) .*/\1/p' | grep -v "^$java" | sort -u |
		while read -r lib; do
			mkdir -p "$dir$(dirname "$lib")"
			cp -L "$lib" "$dir$lib"
		done
	printf 'hosts: files dns\n' >"$dir/etc/nsswitch.conf"
	printf 'zookeeper:x:1000:1000::/tmp:/bin/sh\n' >>"$dir/etc/passwd"
	path=/conf
	for jar in zookeeper zookeeper-jute slf4j-api slf4j-log4j12 log4j-1.2 netty-handler netty-common netty-buffer netty-transport \
		netty-codec netty-resolver netty-transport-native-epoll netty-transport-native-unix-common snappy-java metrics-core \
		commons-cli jackson-core jackson-databind jackson-annotations; do
		cp -L "/usr/share/java/$jar.jar" "$dir/usr/share/java/"
		path=$path:/usr/share/java/$jar.jar
	done
	printf '%s\n' 'log4j.rootLogger=INFO, CONSOLE' 'log4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender' \
		'log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout' \
		'log4j.appender.CONSOLE.layout.ConversionPattern=%d{ISO8601} %-5p %c{1} - %m%n' >"$dir/conf/log4j.properties"
	cat >"$dir/docker-entrypoint.sh" <<'ENTRYPOINT'
#!/bin/sh
set -e
cfg=/conf/zoo.cfg
if [ ! -f $cfg ]; then
	{
		printf 'dataDir=/data\ndataLogDir=/datalog\ntickTime=%s\ninitLimit=%s\nsyncLimit=%s\n' \
			"${ZOO_TICK_TIME:-2000}" "${ZOO_INIT_LIMIT:-5}" "${ZOO_SYNC_LIMIT:-2}"
		echo "admin.enableServer=${ZOO_ADMINSERVER_ENABLED:-true}"
		for server in ${ZOO_SERVERS:-server.1=localhost:2888:3888;2181}; do echo "$server"; done
		[ -z "$ZOO_4LW_COMMANDS_WHITELIST" ] || echo "4lw.commands.whitelist=$ZOO_4LW_COMMANDS_WHITELIST"
		for extra in $ZOO_CFG_EXTRA; do echo "$extra"; done
	} >$cfg
fi
[ -f /data/myid ] || echo "${ZOO_MY_ID:-1}" >/data/myid
exec "$@"
ENTRYPOINT
	printf '#!/bin/sh\nexec /opt/java/bin/java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 $JVMFLAGS -cp %s org.apache.zookeeper.server.quorum.QuorumPeerMain /conf/zoo.cfg\n' \
		"$path" >"$dir/bin/zkServer.sh"
	chmod +x "$dir/docker-entrypoint.sh" "$dir/bin/zkServer.sh"
	chown -R 1000:1000 "$dir"/{conf,data,datalog,logs}
	import "$dir" "$image" 'USER 1000:1000' 'VOLUME ["/data","/datalog","/logs"]' 'EXPOSE 2181 2888 3888 8080' \
		'ENV PATH=/bin:/usr/bin' 'ENTRYPOINT ["/docker-entrypoint.sh"]' 'CMD ["zkServer.sh","start-foreground"]'
fi
