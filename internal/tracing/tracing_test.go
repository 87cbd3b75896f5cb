package tracing

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// memory is an exporter that keeps what it gets.
type memory struct {
	mu   sync.Mutex
	got  []sdktrace.ReadOnlySpan
	shut int
	wait func(ctx context.Context) error // before it takes a batch
}

func (m *memory) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if m.wait != nil {
		if err := m.wait(ctx); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, spans...)
	return nil
}

func (m *memory) Shutdown(context.Context) error {
	m.shut++
	return nil
}

// none is an empty environment.
func none(string) string { return "" }

// run is a Tracing of server 3 with an emitter, in a bubble.
type run struct {
	*Tracing
	*event.Emitter
	memory  *memory
	dropped []uint64
	failed  []error
}

func newRun(t testing.TB, m *memory, change func(*Options)) *run {
	t.Helper()
	r := &run{memory: m}
	opt := Options{Exporter: m, Self: 3, View: view(t, 3, 0), Version: "1.2.3", Getenv: none,
		Dropped: func(n uint64) { r.dropped = append(r.dropped, n) },
		Failed:  func(err error) { r.failed = append(r.failed, err) }}
	if change != nil {
		change(&opt)
	}
	tr, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	r.Tracing, r.Emitter = tr, event.NewEmitter(3, time.Now, tr)
	r.Emit(event.NodeStarted{View: opt.View})
	return r
}

// pass lets time pass, in a bubble.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// leads plays an election that server 3 wins.
func (r *run) leads(epoch quorum.Epoch) { r.leadsAfter(1, epoch) }

// leadsAfter is the same with so many messages.
func (r *run) leadsAfter(messages int, epoch quorum.Epoch) {
	r.Emit(event.ElectionStarted{Reason: event.ReasonStart, At: time.Now()})
	r.Emit(event.RoundChanged{To: 1, Cause: event.RoundStart, Peer: 3})
	for id := range messages {
		r.Sent(event.NotificationSent{Peer: 2, MessageID: 0xa + uint64(id), Cause: event.SendOwnVote,
			Notification: event.Notification{State: quorum.Looking, Vote: vote(3, 0), Round: 1}})
	}
	pass(time.Millisecond)
	r.Emit(event.VoteChanged{To: vote(3, 0), Round: 1, Cause: event.VoteBetterSID, Peer: 2})
	pass(time.Millisecond)
	r.Emit(event.ElectionDecided{Vote: vote(3, 0), Round: 1, State: quorum.Leading, How: event.HowAllHeard})
	pass(time.Millisecond)
	r.Emit(event.LeaderEstablished{Leader: 3, Epoch: epoch})
}

// lost counts what Dropped was told.
func (r *run) lost() uint64 {
	var n uint64
	for _, d := range r.dropped {
		n += d
	}
	return n
}

// TestSpans looks at what an exporter gets.
func TestSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := newRun(t, m, func(o *Options) { o.Resource = []attribute.KeyValue{attribute.String("deployment", "test")} })
		begun := time.Now()
		r.leads(9)
		r.Emit(event.LeaderLost{Leader: 3, Epoch: 9, Reason: event.ReasonQuorumLost})
		pass(2 * time.Second)
		if len(m.got) != 5 {
			t.Errorf("%d spans after a batch's time", len(m.got))
		}
		r.Close(time.Second)
		r.Close(time.Second) // twice does no harm
		id := traceid.Election(view(t, 3, 0).EnsembleID(), 9)
		byName := map[string]sdktrace.ReadOnlySpan{}
		for _, s := range m.got {
			byName[s.Name()] = s
			if s.SpanContext().TraceID() != trace.TraceID(id) || !s.SpanContext().IsSampled() {
				t.Errorf("%s: %v", s.Name(), s.SpanContext())
			}
		}
		root, send, round, lost := byName[nameElection], byName[nameSend], byName[nameRound], byName[nameLost]
		if root == nil || send == nil || round == nil || lost == nil || m.shut != 1 || len(r.dropped) > 0 {
			t.Fatalf("%v, shut down %d times, dropped %v", byName, m.shut, r.dropped)
		}
		if root.SpanContext().SpanID() != trace.SpanID(traceid.Root(id)) || root.Parent().IsValid() ||
			!root.StartTime().Equal(begun) || root.EndTime().Sub(begun) != 3*time.Millisecond ||
			root.Status().Code != codes.Unset || root.SpanKind() != trace.SpanKindInternal {
			t.Errorf("root: %+v", root)
		}
		if send.SpanContext().SpanID() != (trace.SpanID{7: 0xa}) || send.SpanKind() != trace.SpanKindProducer ||
			send.Parent().SpanID() != round.SpanContext().SpanID() || send.Parent().IsRemote() {
			t.Errorf("send: %+v", send)
		}
		if e := round.Events(); len(e) != 1 || e[0].Name != eventVote || e[0].Time.Sub(begun) != time.Millisecond {
			t.Errorf("events of the round: %+v", e)
		}
		if s := lost.Status(); s.Code != codes.Error || s.Description == "" {
			t.Errorf("loss: %+v", s)
		}
		checkResource(t, root)
	})
}

func checkResource(t *testing.T, s sdktrace.ReadOnlySpan) {
	t.Helper()
	res := s.Resource().Set()
	for key, want := range map[attribute.Key]string{"service.name": "electnode", "service.instance.id": "3",
		"service.version": "1.2.3", "electnode.ensemble": view(t, 3, 0).EnsembleID(), "deployment": "test",
		"telemetry.sdk.language": "go"} {
		if v, _ := res.Value(key); v.AsString() != want {
			t.Errorf("%s is %q, want %q", key, v.AsString(), want)
		}
	}
	if got := s.InstrumentationScope(); got.Name != scope || got.Version != "1.2.3" || got.SchemaURL == "" {
		t.Errorf("scope %+v", got)
	}
}

// TestClose flushes an election that runs.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := newRun(t, m, nil)
		r.Emit(event.ElectionStarted{Reason: event.ReasonStart, At: time.Now()})
		begun := time.Now()
		r.Close(time.Minute)
		if len(m.got) != 1 || m.got[0].Status().Code != codes.Error || time.Since(begun) != 0 {
			t.Errorf("%d spans after %s", len(m.got), time.Since(begun))
		}
		r.leads(1) // too late: lost, and harmless
	})
}

// storm records more than the queue, the batch processor and the exporter hold together, in 4120 ms.
func (r *run) storm() {
	for n := range 40 {
		r.leadsAfter(500, quorum.Epoch(n+1))
		pass(100 * time.Millisecond)
	}
}

// TestExporterHangs: those who record never wait, Close is bounded, and everything that was lost is counted.
func TestExporterHangs(t *testing.T) {
	for _, heeds := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			free := make(chan struct{})
			m := &memory{wait: func(ctx context.Context) error {
				done := ctx.Done()
				if !heeds {
					done = nil
				}
				select {
				case <-done:
					return ctx.Err()
				case <-free:
					return errors.New("too late")
				}
			}}
			r := newRun(t, m, nil)
			begun := time.Now()
			r.storm()
			if d := time.Since(begun); d != 40*103*time.Millisecond {
				t.Errorf("recording took %s", d)
			}
			begun = time.Now()
			r.Close(2 * time.Second)
			if d := time.Since(begun); d > 2*time.Second {
				t.Errorf("Close took %s", d)
			}
			if heeds && (r.lost() < 10_000 || m.shut != 1 || len(m.got) > 0) {
				t.Errorf("lost %d, shut down %d times, exported %d", r.lost(), m.shut, len(m.got))
			}
			close(free) // the bubble ends only when every goroutine has
		})
	}
}

// TestExporterIsSlow: the queue loses the oldest events and counts them; the newest election is shown.
func TestExporterIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{wait: func(context.Context) error {
			time.Sleep(time.Second / 2)
			return nil
		}}
		r := newRun(t, m, nil)
		r.storm()
		pass(time.Minute)
		r.leads(1000)
		r.Close(time.Minute)
		last := trace.TraceID(traceid.Election(view(t, 3, 0).EnsembleID(), 1000))
		if !slices.ContainsFunc(m.got, func(s sdktrace.ReadOnlySpan) bool { return s.SpanContext().TraceID() == last }) {
			t.Errorf("the last election is missing: %d spans, %d lost, %v", len(m.got), r.lost(), r.dropped)
		}
		if r.lost() == 0 {
			t.Errorf("nothing lost, %d spans", len(m.got))
		}
	})
}

// TestExporterFails: spans whose export failed are counted, and the first reason of a row is told.
func TestExporterFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("connection refused")
		var err error
		m := &memory{wait: func(context.Context) error { return err }}
		r := newRun(t, m, nil)
		for n, fails := range []bool{false, true, true, true, false, true} {
			if err = nil; fails {
				err = refused
			}
			r.leads(quorum.Epoch(n + 1))
			pass(10 * time.Second)
		}
		r.Close(time.Second)
		if len(r.failed) != 2 || !errors.Is(r.failed[0], refused) {
			t.Errorf("told of %v", r.failed)
		}
		if len(m.got) != 2*4 || r.lost() != 4*4 {
			t.Errorf("%d exported, %v dropped", len(m.got), r.dropped)
		}
	})
}

// TestReports: however much is lost, Dropped is not called more than once a second.
func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		r := newRun(t, &memory{}, func(o *Options) { o.Dropped = func(uint64) { at = append(at, time.Now()) } })
		for range 100 {
			r.loss.add(3)
			pass(50 * time.Millisecond)
		}
		r.Close(time.Second)
		if len(at) < 4 || len(at) > 7 {
			t.Errorf("%d reports in 5 s", len(at))
		}
	})
}

// TestSampling: each node decides by the trace id alone, so all decide alike.
func TestSampling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var whole []map[trace.TraceID]bool
		for _, self := range []quorum.SID{2, 3} {
			m := &memory{}
			r := newRun(t, m, func(o *Options) {
				o.Self = self
				o.Getenv = func(name string) string {
					return map[string]string{"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}[name]
				}
			})
			for n := range quorum.Epoch(100) {
				r.leads(n + 1)
			}
			r.Close(time.Second)
			seen := map[trace.TraceID]bool{}
			for _, s := range m.got {
				seen[s.SpanContext().TraceID()] = true
			}
			if len(seen) < 20 || len(seen) > 80 || len(m.got) != 4*len(seen) {
				t.Errorf("server %d: %d traces, %d spans", self, len(seen), len(m.got))
			}
			whole = append(whole, seen)
		}
		for id := range whole[0] {
			if !whole[1][id] {
				t.Errorf("trace %s is shown by one node only", id)
			}
		}
	})
}

// TestAllAtOnce is for the race detector.
func TestAllAtOnce(t *testing.T) {
	r := newRun(t, &memory{}, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				for _, ev := range event.All() {
					r.Emit(ev)
				}
			}
		})
	}
	wg.Wait()
	r.Close(10 * time.Second)
}

// TestRecordDoesNotAllocate holds Record to no allocation, whatever the event.
func TestRecordDoesNotAllocate(t *testing.T) {
	r := newRun(t, &memory{}, nil)
	defer r.Close(10 * time.Second)
	s := event.Stamped{Time: time.Now(), Node: 3, Event: event.StateChanged{}}
	if n := testing.AllocsPerRun(1000, func() { r.queue.Record(s) }); n >= 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	r := newRun(b, &memory{}, nil)
	defer r.Close(10 * time.Second)
	s := event.Stamped{Time: time.Now(), Node: 3, Event: &event.NotificationSent{Peer: 2}}
	b.ReportAllocs()
	for b.Loop() {
		r.Record(s)
	}
}

// BenchmarkTake is what the own goroutine does for one of the events that come most.
func BenchmarkTake(b *testing.B) {
	r := newRig(b, 3)
	r.looks(event.ReasonStart, 1)
	ev := sent(2, 1, event.SendResend, quorum.Looking, vote(3, 0), 1)
	s := event.Stamped{Time: r.now, Node: 3, Election: 1, Event: ev}
	b.ReportAllocs()
	for b.Loop() {
		r.take(s)
	}
}

// TestWrongOptions: one clear error each.
func TestWrongOptions(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("no exporter, no error")
	}
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "a,b")
	if _, err := New(Options{Exporter: &memory{}, Getenv: none}); err == nil {
		t.Error("a resource that is none")
	}
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=blue,electnode.ensemble=x")
	t.Setenv("OTEL_SERVICE_NAME", "zoo3")
	res, err := resourceOf(t.Context(), Options{Self: 3})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[attribute.Key]string{"service.name": "zoo3", "service.instance.id": "blue"} {
		if v, _ := res.Set().Value(key); v.AsString() != want {
			t.Errorf("%s is %q, want %q", key, v.AsString(), want)
		}
	}
}
