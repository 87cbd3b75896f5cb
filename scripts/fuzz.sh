#!/usr/bin/env bash
# Runs every fuzz target for a bounded time: scripts/fuzz.sh 10s
# It begins with the inputs that earlier runs found worth keeping (testdata/corpus beside each test); KEEP=1 keeps those
# of this run, too.
# Inputs are not made smaller: that would take all of a short time, and a run that ends in the middle of it fails.
set -euo pipefail
time=${1:-10s}
found=$(go env GOCACHE)/fuzz
go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}' ./... | while read -r package dir; do
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' | sort -u); do
		kept=$dir/testdata/corpus/$target.tar.gz
		mkdir -p "$found/$package/$target"
		if [ -f "$kept" ]; then
			tar -xzf "$kept" -C "$found/$package/$target"
		fi
		echo "fuzz $package $target for $time"
		if ! out=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x "$package" 2>&1); then
			echo "$out"
			exit 1
		fi
		tail -n 1 <<<"$out"
		if [ "${KEEP:-}" = 1 ]; then
			mkdir -p "$dir/testdata/corpus"
			tar -c --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$found/$package/$target" . | gzip -9n >"$kept"
		fi
	done
done
