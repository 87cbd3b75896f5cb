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
