//go:build compose

package compose

import (
	"fmt"
	"strings"
	"testing"
)

// reporter is a test that remembers what went wrong, so that it can be said once more at the end, behind all the logs: who reads
// the last lines reads the reason.
type reporter struct {
	testing.TB
	said []string
}

func (r *reporter) Errorf(format string, args ...any) {
	r.Helper()
	r.said = append(r.said, fmt.Sprintf(format, args...))
	r.TB.Errorf(format, args...)
}

func (r *reporter) Fatalf(format string, args ...any) {
	r.Helper()
	r.said = append(r.said, fmt.Sprintf(format, args...))
	r.TB.Fatalf(format, args...)
}

func (r *reporter) Fatal(args ...any) {
	r.Helper()
	r.said = append(r.said, fmt.Sprint(args...))
	r.TB.Fatal(args...)
}

// again logs what the services printed, in lines that are not longer than can be read, and then what went wrong.
func (r *reporter) again(logs string) {
	r.Helper()
	const longest = 240
	var short strings.Builder
	for line := range strings.Lines(logs) {
		fmt.Fprintf(&short, "%.*s\n", longest, strings.TrimSpace(line))
	}
	r.Logf("the services' last lines:\n%s\nwhat went wrong:\n%s", &short, strings.Join(r.said, "\n"))
}
