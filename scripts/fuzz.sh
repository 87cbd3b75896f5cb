#!/usr/bin/env bash
# Runs every fuzz target for a bounded time: scripts/fuzz.sh 10s
# It begins with the inputs that earlier runs found worth keeping (testdata/corpus beside each test); KEEP=1 keeps those
# of this run, too.
# Inputs are not made smaller: that would take all of a short time, and a run that ends in the middle of it fails.
set -euo pipefail
time=${1:-10s}
fuzz() { # target, package
	go test -run '^$' -fuzz "^$1\$" -fuzztime "$time" -fuzzminimizetime 1x "$2" 2>&1
}
found=$(go env GOCACHE)/fuzz
go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}' ./... | while read -r package dir; do
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' | sort -u); do
		kept=$dir/testdata/corpus/$target.tar.gz
		mkdir -p "$found/$package/$target"
		if [ -f "$kept" ]; then
			tar -xzf "$kept" -C "$found/$package/$target"
		fi
		echo "fuzz $package $target for $time"
		if ! out=$(fuzz "$target" "$package"); then
			echo "$out"
			# When the time is over in the middle of an input, go test may take that for a failure; one that it found has an input.
			if ! grep -q 'context deadline exceeded' <<<"$out" || grep -q 'Failing input written' <<<"$out"; then
				exit 1
			fi
			echo "again: the time was over in the middle of an input"
			if ! out=$(fuzz "$target" "$package"); then
				echo "$out"
				exit 1
			fi
		fi
		tail -n 1 <<<"$out"
		if [ "${KEEP:-}" = 1 ]; then
			mkdir -p "$dir/testdata/corpus"
			tar -c --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$found/$package/$target" . | gzip -9n >"$kept"
		fi
	done
done
