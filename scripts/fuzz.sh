#!/usr/bin/env bash
# Runs every fuzz target for a bounded time: scripts/fuzz.sh 10s
# Inputs are not made smaller: that would take all of a short time, and a run that ends in the middle of it fails.
set -euo pipefail
time=${1:-10s}
go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}' ./... | while read -r package dir; do
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' | sort -u); do
		echo "fuzz $package $target for $time"
		if ! out=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x "$package" 2>&1); then
			echo "$out"
			exit 1
		fi
		tail -n 1 <<<"$out"
	done
done
