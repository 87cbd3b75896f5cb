#!/usr/bin/env bash
# Runs all benchmarks and prints the tables of docs/benchmarks.md. The samples stay in .bench/samples.jsonl, what the
# benchmarks print in .bench/output.txt. ROUNDS=1 makes everything once: to see that it works, not to show.
set -euo pipefail
cd "$(dirname "$0")/.."

rm -rf .bench
mkdir -p .bench
samples=$PWD/.bench/samples.jsonl

# run BENCHMARK ROUNDS PACKAGE
run() {
	echo "== $1, ${ROUNDS:-$2} rounds, $(date +%T)"
	go test -run '^$' -bench "^$1\$" -benchtime "${ROUNDS:-$2}x" -timeout 60m "$3" -samples "$samples" |
		tee -a .bench/output.txt
}

# What takes turns with others makes a block of runs in each round: 40 of electnode, 6 of the others.
run BenchmarkFailOver 5 ./test/bench
run BenchmarkLoop 3 ./test/bench
run BenchmarkPaused 2 ./test/bench
run BenchmarkColdStart 5 ./test/bench
run BenchmarkMixedFailOver 6 ./test/bench
run BenchmarkMixedColdStart 12 ./test/bench
run BenchmarkSettled 3 ./test/bench
run BenchmarkElectionCost 3 ./test/bench
run BenchmarkGrowth 5 ./test/bench/growth
run BenchmarkSimulation 10 ./test/bench/growth

echo "== parts, $(date +%T)"
go test -run '^$' -bench '^Benchmark(Codec|Step|RoundTrip|Record|Notification|Scrape|WriteAccepted|ParseText)$' -benchmem \
	-count "${ROUNDS:-5}" ./internal/fle ./internal/qcm ./internal/metrics ./internal/quorum ./internal/durable ./cmd/electnode |
	tee .bench/parts.txt

echo "== the tables, $(date +%T)"
go run ./test/bench/report -parts .bench/parts.txt "$samples"
