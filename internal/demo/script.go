package demo

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"electnode/internal/quorum"
)

// Verb is a kind of fault, or its end.
type Verb string

// The verbs of a script.
const (
	Kill      Verb = "kill"      // kill leader | kill 3
	Restart   Verb = "restart"   // restart 3
	Resign    Verb = "resign"    // resign leader: it leaves its place and looks again
	Pause     Verb = "pause"     // pause 2: until resumed, as SIGSTOP does
	Resume    Verb = "resume"    // resume 2
	Isolate   Verb = "isolate"   // isolate leader: from all others
	Cut       Verb = "cut"       // cut 1 2: the line between two
	Partition Verb = "partition" // partition 1,2 | 3: no lines between the sides
	Heal      Verb = "heal"      // every line works, nobody is paused
	RaiseZxid Verb = "zxid"      // zxid 2 0x500000001: restarts with that history to speak for
)

// Target names servers; Leader is whoever is the established leader at that moment.
type Target struct {
	Leader bool
	SID    quorum.SID
}

// Action is one line of a script.
type Action struct {
	At      time.Duration // after the start
	Verb    Verb
	Targets []Target
	Sides   [][]quorum.SID // partition
	Zxid    quorum.Zxid    // zxid
	Text    string         // as written
}

// ParseScript reads a script: a line an action, "at DURATION VERB ...", blank lines and # comments. The
// error names every line that is wrong. Actions are returned by time.
func ParseScript(r io.Reader, name string) ([]Action, error) {
	var all []Action
	var errs []error
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		a, err := parseAction(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, n, err))
			continue
		}
		all = append(all, a)
	}
	if err := lines.Err(); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", name, err))
	}
	slices.SortStableFunc(all, func(a, b Action) int { return cmp.Compare(a.At, b.At) })
	return all, errors.Join(errs...)
}

func parseAction(text string) (Action, error) {
	f := strings.Fields(text)
	if len(f) < 3 || f[0] != "at" {
		return Action{}, fmt.Errorf("%q: expected at DURATION VERB ...", text)
	}
	at, err := time.ParseDuration(f[1])
	if err != nil || at < 0 {
		return Action{}, fmt.Errorf("%q is no duration", f[1])
	}
	a, err := ParseFault(strings.Join(f[2:], " "))
	a.At, a.Text = at, text
	return a, err
}

// ParseFault reads an action without its time, for example "cut 1 2".
func ParseFault(text string) (Action, error) {
	f := strings.Fields(text)
	if len(f) == 0 {
		return Action{}, errors.New("no verb")
	}
	a := Action{Verb: Verb(f[0]), Text: text}
	args := f[1:]
	var err error
	switch a.Verb {
	case Kill, Restart, Resign, Pause, Resume, Isolate:
		a.Targets, err = targets(args, 1)
	case Cut:
		a.Targets, err = targets(args, 2)
	case RaiseZxid:
		err = a.zxid(args)
	case Partition:
		a.Sides, err = sides(strings.Join(args, " "))
	case Heal:
		if len(args) > 0 {
			err = errors.New("heal takes nothing")
		}
	default:
		err = fmt.Errorf("no such fault: %q (kill, restart, resign, pause, resume, isolate, cut, partition, heal, zxid)", f[0])
	}
	return a, err
}

func (a *Action) zxid(args []string) error {
	if len(args) != 2 {
		return errors.New("zxid takes a server and a zxid")
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(args[1], "0x"), 16, 63)
	if err != nil {
		return fmt.Errorf("%q is no zxid", args[1])
	}
	a.Zxid = quorum.Zxid(n)
	a.Targets, err = targets(args[:1], 1)
	return err
}

func targets(args []string, want int) ([]Target, error) {
	if len(args) != want {
		return nil, fmt.Errorf("%d servers expected, %d given", want, len(args))
	}
	var all []Target
	for _, arg := range args {
		if arg == "leader" {
			all = append(all, Target{Leader: true})
			continue
		}
		sid, err := parseSID(arg)
		if err != nil {
			return nil, err
		}
		all = append(all, Target{SID: sid})
	}
	return all, nil
}

func parseSID(text string) (quorum.SID, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no server: a number, or leader", text)
	}
	return quorum.SID(n), nil
}

func sides(text string) ([][]quorum.SID, error) {
	var all [][]quorum.SID
	for side := range strings.SplitSeq(text, "|") {
		var sids []quorum.SID
		for _, w := range strings.FieldsFunc(side, func(r rune) bool { return r == ',' || r == ' ' }) {
			sid, err := parseSID(w)
			if err != nil {
				return nil, err
			}
			sids = append(sids, sid)
		}
		if len(sids) == 0 {
			return nil, errors.New("partition: a side without servers")
		}
		all = append(all, sids)
	}
	if len(all) < 2 {
		return nil, errors.New("partition: two sides at least, with | between them")
	}
	return all, nil
}
