package main

import (
	"io"
	"os"
	"strings"
	"testing"
)

const parts = `goos: linux
pkg: electnode/internal/fle
BenchmarkCodec/encode-2         	 9000000	       120 ns/op	       0 B/op	       0 allocs/op
BenchmarkCodec/encode-2         	 9000000	       130.5 ns/op	       0 B/op	       0 allocs/op
BenchmarkCodec/encode-2         	 9000000	       110 ns/op	       0 B/op	       0 allocs/op
PASS
ok  	electnode/internal/fle	3.1s
pkg: electnode/internal/durable
BenchmarkWriteAccepted-2   	    2818	    420710 ns/op	     999 B/op	      14 allocs/op
`

// TestParts prints the medians of what go test -bench has printed.
func TestParts(t *testing.T) {
	doc := file(t, "page.md", page())
	err := run(options{files: []string{file(t, "samples.jsonl", samples)}, parts: file(t, "parts.txt", parts), doc: doc}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| internal/fle | Codec/encode | 3 | 120 ns | 0 | 0 |\n", "| internal/durable | WriteAccepted | 1 | 421 µs | 999 | 14 |\n"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	bad := file(t, "bad.txt", "BenchmarkX-2 1 many ns/op\n")
	err = run(options{files: []string{file(t, "samples.jsonl", samples)}, parts: bad}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "bad.txt: line 1") {
		t.Error(err)
	}
}
