package observe

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"electnode/internal/traceid"
	"electnode/test/proc"
)

// traceable starts a Jaeger and an ensemble that exports to it, all of it in time for one trace: on a machine
// that is busy, servers that started long after each other get another chance.
func traceable(t *testing.T) (*Jaeger, *ensemble, reign) {
	t.Helper()
	j := StartJaeger(t, root)
	for range 20 {
		e := newEnsemble(t, 3, "--trace.endpoint="+j.OTLP)
		begun := time.Now()
		r := e.start()
		if time.Since(begun) < traceid.Patience {
			return j, e, r
		}
		t.Logf("the first election took %s; once more", time.Since(begun))
		for _, s := range e.servers {
			s.Kill()
		}
	}
	t.Fatal("three servers do not elect a leader within a second here")
	return nil, nil, reign{}
}

// TestElectionsInJaeger looks at the election at the start, at the one after the leader was killed, and at how
// the dead server joined again: who takes part meets in one trace, and the traces are linked.
func TestElectionsInJaeger(t *testing.T) {
	t.Parallel()
	j, e, first := traceable(t)
	took := e.took(first, e.servers...)
	if len(took) < 2 {
		t.Fatalf("only %d servers took part in the first election", len(took))
	}
	electionTrace(t, j, first, took...)
	for _, s := range e.servers {
		if !slices.Contains(took, s) {
			joined(t, j, e, s, first, 1) // the dead leader's part of that is to be there
		}
	}

	survivors := e.others(first.leader)
	second, _ := e.killLeader(first)
	if n := len(e.took(second, survivors...)); n != len(survivors) {
		t.Fatalf("%d servers of two took part in the election after the leader was killed", n)
	}
	tr := electionTrace(t, j, second, survivors...)
	for _, s := range survivors {
		lostBefore(t, j, e, tr, s, first)
	}

	dead := first.leader
	dead.start()
	if third := e.established(e.servers...); third != second {
		t.Fatalf("%+v became %+v when server %d came back", second, third, dead.SID)
	}
	joined(t, j, e, dead, second, len(survivors))
}

// handOver is how far the loss of a leader and the start of the next election may lie apart: the first has the
// time at which it was recorded, the second that at which the node began to act on it.
const handOver = 50 * time.Millisecond

// lostBefore checks that the election of s in tr is linked to the end of the reign before, as s saw it.
func lostBefore(t testing.TB, j *Jaeger, e *ensemble, tr tree, s *server, before reign) {
	t.Helper()
	was := e.traceOf(s, before)
	election, err := tr.only(spanElection, service(s.SID))
	if err != nil {
		t.Fatal(err)
	}
	id := traceIDOf(t, was)
	ref := Ref{was, traceid.Lost(id, s.sid()).String()}
	if err := linked(election, ref); err != nil {
		t.Error(err)
	}
	traced(t, j, fmt.Sprintf("server %d lost the leader of epoch %d", s.SID, before.epoch), was, func(tr tree) error {
		lost, err := tr.only(spanLost, service(s.SID))
		switch {
		case err != nil:
			return err
		case lost.Ref != ref || lost.Parent.Span != traceid.Root(id).String():
			return fmt.Errorf("not %v under the root: %s", ref, lost)
		case lost.Start.Sub(looking(election)).Abs() > handOver:
			return fmt.Errorf("%s and %s lie apart", lost, election)
		case lost.Tag("electnode.reason") == "" || lost.Tag("electnode.epoch") != fmt.Sprint(before.epoch):
			return fmt.Errorf("it does not say what was lost: %s", lost)
		}
		return tr.sound()
	})
}

// joined checks the trace of a server that found an established leader: its own, linked to the one of the
// leader's election, with the answers of settled servers in it, so many at least. What was answered just after
// the leader's election may be in the trace of that.
func joined(t testing.TB, j *Jaeger, e *ensemble, s *server, r reign, answers int) {
	t.Helper()
	text := e.traceOf(s, r)
	id, own := traceIDOf(t, text), service(s.SID)
	if id == r.trace() {
		t.Fatalf("server %d joined in the trace of the election before", s.SID)
	}
	tr := traced(t, j, fmt.Sprintf("server %d joins", s.SID), text, func(tr tree) error {
		var errs []error
		answered := map[string]bool{}
		for _, reply := range tr.named(spanSend, "") {
			p, _ := tr.parent(reply)
			if reply.Service != own {
				answered[reply.Service] = true
			}
			if reply.Service != own && (p.Name != spanReceive || p.Service != reply.Service || reply.Tag("electnode.cause") != "reply_settled") {
				errs = append(errs, fmt.Errorf("%s sends %s, which answers %s", reply.Service, reply, p))
			}
		}
		if len(answered) < answers {
			errs = append(errs, fmt.Errorf("answers of %v, want them of %d servers", answered, answers))
		}
		return errors.Join(append(errs, tr.sound(), tr.root(id, own), tr.elections(own), tr.messages())...)
	})
	root, err := tr.only(spanElection, own)
	if err != nil {
		t.Fatal(err)
	}
	if err := linked(root, Ref{r.trace().String(), traceid.Root(r.trace()).String()}); err != nil {
		t.Error(err)
	}
	if got := root.Tag("electnode.how"); got != "joined_established" {
		t.Errorf("it joined by %q: %s", got, root)
	}
}

// TestLeaderlessInJaeger leaves one server of three alone: that there is no leader is in Jaeger while it lasts,
// and the election that ends it is linked to that.
func TestLeaderlessInJaeger(t *testing.T) {
	t.Parallel()
	j, e, first := traceable(t)
	electionTrace(t, j, first, e.took(first, e.servers...)...)
	alone, others := first.leader, e.others(first.leader)
	begun := time.Now()
	for _, s := range others {
		s.Kill()
	}
	var unfinished Span
	proc.Every(t, 250*time.Millisecond, patience, "an election without a leader is in Jaeger", func() error {
		found, err := j.Find(service(alone.SID), spanElection, begun.Add(-time.Second))
		if err != nil {
			return err
		}
		for _, spans := range found {
			s, err := grow(spans).only(spanElection, service(alone.SID))
			if err == nil && s.Start.After(begun) && s.Error() {
				unfinished = s
				return grow(spans).sound()
			}
		}
		return errNone
	})
	if st, err := alone.Status(); err != nil || st.State != "LOOKING" {
		t.Fatalf("server %d is to be LOOKING all the time: %+v, %v", alone.SID, st, err)
	}
	if got := unfinished.Tag("electnode.outcome"); got != "unfinished" || unfinished.Parent != (Ref{}) {
		t.Errorf("outcome %q of %s", got, unfinished)
	}
	id := traceIDOf(t, unfinished.Ref.Trace)
	if unfinished.Ref.Span != traceid.Root(id).String() {
		t.Errorf("it is not the root of its trace: %s", unfinished)
	}

	others[0].start()
	second := e.next(first, alone, others[0])
	tr := traced(t, j, "the election that ended it", second.trace().String(), func(tr tree) error {
		return errors.Join(tr.elections(services(e.took(second, alone, others[0])...)...),
			tr.root(second.trace(), service(second.leader.SID)))
	})
	s, err := tr.only(spanElection, service(alone.SID))
	if err != nil {
		t.Fatal(err)
	}
	if err := linked(s, unfinished.Ref); err != nil {
		t.Error(err)
	}
	if d := looking(s).Sub(unfinished.Start).Abs(); d > tolerance {
		t.Errorf("the election began %s from the unfinished part of it: %s, %s", d, s, unfinished)
	}
}

// TestExemplars follows exemplars from Prometheus to Jaeger: each trace that one names is there.
func TestExemplars(t *testing.T) {
	t.Parallel()
	j := StartJaeger(t, root)
	e := newEnsemble(t, 3, "--trace.endpoint="+j.OTLP)
	p := e.watched()
	r := e.start()
	seen(t, p, r, e.servers...)
	after, _ := e.killLeader(r)
	seen(t, p, after, e.others(r.leader)...)
	const name = "electnode_election_duration_seconds"
	ids := map[string]bool{}
	proc.Eventually(t, patience, "exemplars name both elections", func() error {
		for _, metric := range []string{name, name + "_bucket"} {
			all, err := p.Exemplars(metric)
			if err != nil {
				return err
			}
			here := map[string]bool{}
			for _, ex := range all {
				if len(ex.Labels) != 1 || ex.Labels["trace_id"] == "" || ex.Value <= 0 {
					t.Fatalf("an exemplar of %s: %+v", metric, ex)
				}
				here[ex.Labels["trace_id"]], ids[ex.Labels["trace_id"]] = true, true
			}
			for _, r := range []reign{r, after} {
				if !here[r.trace().String()] {
					return fmt.Errorf("%s has none of epoch %d", metric, r.epoch)
				}
			}
		}
		return nil
	})
	for id := range ids {
		traced(t, j, "an exemplar's trace", id, func(tr tree) error {
			if len(tr.named(spanElection, "")) == 0 {
				return errors.New("no election in it")
			}
			return nil
		})
	}
}
