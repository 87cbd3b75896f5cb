#!/usr/bin/env bash
# Measures the electnode of this directory beside that of another revision: both programs take turns within one run, so that
# what the machine does meanwhile happens to both.
#
#   scripts/bench-compare.sh REVISION
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# != 1 ] || ! git rev-parse --verify --quiet "$1^{commit}" >/dev/null; then
	echo "usage: scripts/bench-compare.sh REVISION (a commit, a branch or a tag)" >&2
	exit 2
fi
other=$(mktemp -d)
trap 'rm -rf "$other"' EXIT
mkdir -p .bench "$other/source"
samples=$PWD/.bench/compare.jsonl
rm -f "$samples"

git archive "$1" | tar -x -C "$other/source"
(cd "$other/source" && go build -o "$other/electnode" ./cmd/electnode)

# run BENCHMARK ROUNDS
run() {
	echo "== $1, ${ROUNDS:-$2} rounds, $(date +%T)"
	go test -run '^$' -bench "^$1\$" -benchtime "${ROUNDS:-$2}x" -timeout 60m ./test/bench -samples "$samples" -base "$other/electnode"
}

run BenchmarkFailOver 5
run BenchmarkColdStart 20
run BenchmarkPaused 2
run BenchmarkSettled 3
run BenchmarkElectionCost 3
go run ./test/bench/report "$samples"
