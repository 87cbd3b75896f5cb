package observe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/traceid"
	"electnode/test/proc"
)

// Names of spans.
const (
	spanElection  = "election"
	spanRound     = "round"
	spanSend      = "notification send"
	spanReceive   = "notification receive"
	spanEstablish = "establish epoch"
	spanPromise   = "promise"
	spanAck       = "acknowledge"
	spanLost      = "leader lost"
)

// tolerance is how much sooner than its parent a span may begin on one machine, where there is one clock.
const tolerance = time.Millisecond

// tree is a trace by the ids of its spans.
type tree struct {
	spans []Span
	by    map[string]Span
}

func grow(spans []Span) tree {
	t := tree{spans, map[string]Span{}}
	for _, s := range spans {
		t.by[s.Ref.Span] = s
	}
	return t
}

// named lists the spans with a name, of one service or, if that is empty, of all.
func (t tree) named(name, service string) []Span {
	var found []Span
	for _, s := range t.spans {
		if s.Name == name && (service == "" || s.Service == service) {
			found = append(found, s)
		}
	}
	return found
}

// only is the one span with a name of a service.
func (t tree) only(name, service string) (Span, error) {
	found := t.named(name, service)
	if len(found) != 1 {
		return Span{}, fmt.Errorf("%d spans %q of %s, want one", len(found), name, service)
	}
	return found[0], nil
}

// parent is the parent of s in this trace.
func (t tree) parent(s Span) (Span, bool) {
	p, ok := t.by[s.Parent.Span]
	return p, ok
}

// String is the trace for people, in the order of time.
func (t tree) String() string {
	sorted := slices.SortedFunc(slices.Values(t.spans), func(a, b Span) int { return a.Start.Compare(b.Start) })
	var b strings.Builder
	for _, s := range sorted {
		fmt.Fprintln(&b, s)
	}
	return b.String()
}

// sound checks what holds in any trace: ids that are unique, one root, no span without its parent or before it.
func (t tree) sound() error {
	var errs []error
	if len(t.by) != len(t.spans) {
		errs = append(errs, fmt.Errorf("%d spans with %d ids", len(t.spans), len(t.by)))
	}
	roots := 0
	for _, s := range t.spans {
		p, ok := t.parent(s)
		switch {
		case s.Parent == Ref{}:
			roots++
		case !ok:
			errs = append(errs, fmt.Errorf("the parent is missing of %s", s))
		case s.Start.Before(p.Start.Add(-tolerance)):
			errs = append(errs, fmt.Errorf("%s begins before its parent %s", s, p))
		}
		if s.End.Before(s.Start) {
			errs = append(errs, fmt.Errorf("ends before it begins: %s", s))
		}
	}
	if roots != 1 {
		errs = append(errs, fmt.Errorf("%d roots", roots))
	}
	return errors.Join(errs...)
}

// root checks that the root is the election of a service, under the id that everybody knows.
func (t tree) root(id traceid.Trace, service string) error {
	r, err := t.only(spanElection, service)
	if want := (Ref{id.String(), traceid.Root(id).String()}); err == nil && (r.Ref != want || r.Parent != (Ref{})) {
		err = fmt.Errorf("the root is not %v but %s", want, r)
	}
	return err
}

// exchanges checks that each of the services has rounds and messages, and the messages.
func (t tree) exchanges(services ...string) error {
	var errs []error
	for _, service := range services {
		for _, name := range []string{spanRound, spanSend, spanReceive} {
			if len(t.named(name, service)) == 0 {
				errs = append(errs, fmt.Errorf("no span %q of %s", name, service))
			}
		}
	}
	return errors.Join(append(errs, t.messages())...)
}

// messages checks that what was received is the child of its sending, on the other side. A message without an
// id, as a real ZooKeeper server's are, stands under the receiver's own round or election, as does one that was
// sent in an election that came to nothing.
func (t tree) messages() error {
	var errs []error
	for _, s := range t.named(spanReceive, "") {
		p, ok := t.parent(s)
		switch sent := p.Name == spanSend && p.Service == sender(s) && sender(p) == s.Service; {
		case !ok:
			errs = append(errs, fmt.Errorf("the parent is missing of %s", s))
		case sent && (s.Tag("span.kind") != "consumer" || p.Tag("span.kind") != "producer"):
			errs = append(errs, fmt.Errorf("kinds of %s and %s", p, s))
		case sent:
		case s.Tag("electnode.message_id") != "" && !t.earlier(s):
			errs = append(errs, fmt.Errorf("received %s is the child of %s", s, p))
		case p.Service != s.Service || p.Name != spanRound && p.Name != spanElection:
			errs = append(errs, fmt.Errorf("its sending is elsewhere, and %s is under %s", s, p))
		}
	}
	return errors.Join(errs...)
}

// earlier reports whether a message was sent before its sender's election of this trace began, as far as whole
// microseconds tell.
func (t tree) earlier(received Span) bool {
	election, err := t.only(spanElection, sender(received))
	latency, ok := received.Tags["electnode.latency_ms"].(float64)
	sent := received.Start.Add(-time.Duration(latency * float64(time.Millisecond)))
	return err == nil && ok && sent.Before(looking(election).Add(2*time.Microsecond))
}

// looking is when a node entered LOOKING: the leader's election spans those of the others.
func looking(election Span) time.Time {
	if at, err := time.Parse(time.RFC3339Nano, election.Tag("electnode.looking_at")); err == nil {
		return at
	}
	return election.Start
}

// sender is the service at the other end of a message.
func sender(s Span) string { return "electnode-" + s.Tag("electnode.peer") }

// establishment checks that each of the services says how the epoch was established.
func (t tree) establishment(services ...string) error {
	var errs []error
	for _, service := range services {
		e, err := t.only(spanEstablish, service)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if p, _ := t.parent(e); p.Name != spanElection || p.Service != service {
			errs = append(errs, fmt.Errorf("%s is under %s", e, p))
		}
		for _, name := range []string{spanPromise, spanAck} {
			found := t.named(name, service)
			if len(found) == 0 {
				errs = append(errs, fmt.Errorf("no span %q of %s", name, service))
			}
			for _, s := range found {
				if s.Parent.Span != e.Ref.Span {
					errs = append(errs, fmt.Errorf("%s is not under %s", s, e))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// elections checks that each of the services, and nobody else, has one election, that ended well.
func (t tree) elections(services ...string) error {
	var errs []error
	for _, service := range services {
		s, err := t.only(spanElection, service)
		if err == nil && s.Error() {
			err = fmt.Errorf("status error: %s", s)
		}
		errs = append(errs, err)
	}
	if n := len(t.named(spanElection, "")); n != len(services) {
		errs = append(errs, fmt.Errorf("%d elections, want those of %v", n, services))
	}
	return errors.Join(errs...)
}

// traced waits until Jaeger has a trace for which check says nothing, and gives it.
func traced(t testing.TB, j *Jaeger, what string, id string, check func(tree) error) tree {
	t.Helper()
	var found tree
	defer func() {
		if t.Failed() {
			t.Logf("trace %s (%s):\n%s", id, what, found)
		}
	}()
	proc.Every(t, 250*time.Millisecond, 20*time.Second, what, func() error {
		spans, err := j.Trace(id)
		if err != nil {
			return err
		}
		found = grow(spans)
		return check(found)
	})
	return found
}

// services are the names of servers in Jaeger.
func services(servers ...*server) []string {
	var names []string
	for _, s := range servers {
		names = append(names, service(s.SID))
	}
	return names
}

// electionTrace waits for the one trace of the election of a reign, in which those who took part meet.
func electionTrace(t testing.TB, j *Jaeger, r reign, took ...*server) tree {
	t.Helper()
	leader, all := service(r.leader.SID), services(took...)
	return traced(t, j, fmt.Sprintf("the trace of epoch %d", r.epoch), r.trace().String(), func(tr tree) error {
		return errors.Join(tr.sound(), tr.root(r.trace(), leader), tr.elections(all...), tr.exchanges(all...),
			tr.establishment(all...))
	})
}

// linked checks that a span has a link to another one.
func linked(s Span, to Ref) error {
	if !slices.Contains(s.Links, to) {
		return fmt.Errorf("no link to %v, only %v, of %s", to, s.Links, s)
	}
	return nil
}
