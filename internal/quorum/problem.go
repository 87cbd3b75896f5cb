package quorum

import (
	"errors"
	"fmt"
	"strconv"
)

// Problem is one thing that is wrong with a view, with a member line or with a properties text.
type Problem struct {
	Line int    // of the text, from 1; 0 when the problem has no line or the line is not known
	Key  string // of the line at fault, for example "server.3"; may be empty
	Text string // the message, with the key and without the line
}

// Error is the message, with the line in front when it is known.
func (p *Problem) Error() string {
	if p.Line == 0 {
		return p.Text
	}
	return fmt.Sprintf("line %d: %s", p.Line, p.Text)
}

// Problems takes apart an error of this package: one Problem for each thing that is wrong. An error that
// is no Problem becomes one without line and key.
func Problems(err error) []*Problem {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Problem
		for _, e := range joined.Unwrap() {
			all = append(all, Problems(e)...)
		}
		return all
	}
	var p *Problem
	if errors.As(err, &p) {
		return []*Problem{p}
	}
	return []*Problem{{Text: err.Error()}}
}

// maxProblems bounds what is remembered of a text that is wrong everywhere; the text may be hostile.
const maxProblems = 100

// problemList collects problems up to a limit.
type problemList struct {
	limit int // 0 means maxProblems
	all   []*Problem
}

// add notes a problem, unless there are enough of them.
func (l *problemList) add(line int, key, format string, args ...any) {
	if !l.full() {
		l.all = append(l.all, &Problem{Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
	}
}

// full says that more problems would not be kept.
func (l *problemList) full() bool {
	limit := l.limit
	if limit == 0 {
		limit = maxProblems
	}
	return len(l.all) >= limit
}

// err joins the problems, nil when there are none.
func (l *problemList) err() error {
	errs := make([]error, len(l.all))
	for i, p := range l.all {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// Quote puts a value from a text into quotation marks for a message; very long values are cut.
func Quote(value string) string {
	const longest = 200
	if len(value) > longest {
		return strconv.Quote(value[:longest]) + "..."
	}
	return strconv.Quote(value)
}
