package day

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/metrics"
	"electnode/internal/node"
	"electnode/internal/qcm"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
	"electnode/internal/zab"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	seed  = flag.Uint64("seed", 1, "of the day's faults")
	hours = flag.Int("hours", defaultHours, "how long the day is")
)

// scrape is how often the nodes are asked.
const scrape = 5 * time.Second

// disk keeps epochs in memory; it outlives the node.
type disk struct{ zab.Epochs }

func (d *disk) WriteAccepted(e quorum.Epoch) error { d.Accepted = e; return nil }
func (d *disk) WriteCurrent(e quorum.Epoch) error  { d.Current = e; return nil }

// life is one run of a server, with what shows it and what was seen on the wire.
type life struct {
	*node.Node
	sid    quorum.SID
	series *metrics.Metrics
	events *tally
	wire   *wire
	cancel context.CancelFunc
	done   chan error
	polled time.Duration // leaderless, as sampled from the node's own state
	asked  time.Time
}

// world is the ensemble of the day.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	net   *memnet.Net
	view  *quorum.View
	disks map[quorum.SID]*disk
	alive map[quorum.SID]*life
	total sums
}

func addr(sid quorum.SID) string { return fmt.Sprintf("10.0.0.%d", sid) }

func newWorld(t *testing.T, servers int) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(*seed, 24)), net: memnet.New(), disks: map[quorum.SID]*disk{},
		alive: map[quorum.SID]*life{}}
	w.net.Latency(time.Millisecond)
	var spec quorum.Spec
	for sid := quorum.SID(1); sid <= quorum.SID(servers); sid++ {
		spec.Members = append(spec.Members, quorum.Member{SID: sid,
			Addresses: []quorum.Address{{Host: addr(sid), QuorumPort: 2888, ElectionPort: electionPort}}})
		w.disks[sid] = &disk{}
	}
	var err error
	if w.view, err = quorum.NewView(spec); err != nil {
		t.Fatal(err)
	}
	return w
}

// boot starts a server.
func (w *world) boot(sid quorum.SID) {
	l := &life{sid: sid, series: metrics.New(metrics.Options{Self: sid, View: w.view}), events: newTally(),
		wire: newWire(), done: make(chan error, 1)}
	network := tap{w.net.Host(addr(sid)), l.wire}
	n, err := node.New(node.Options{
		Core: node.CoreOptions{
			Election: fle.Options{Self: sid, View: w.view, MessageSeed: w.rng.Uint64()},
			Role:     zab.Options{Tick: 2 * time.Second, InitLimit: 5, SyncLimit: 2},
			Epochs:   w.disks[sid].Epochs,
		},
		Links: qcm.Options{Listen: []string{fmt.Sprintf("%s:%d", addr(sid), electionPort)},
			Announce: []string{fmt.Sprintf("%s:%d", addr(sid), electionPort)}, Network: network},
		Quorum:       zab.TransportOptions{Network: w.net.Host(addr(sid))},
		QuorumListen: []string{addr(sid) + ":2888"},
		Store:        w.disks[sid],
		Events:       event.NewEmitter(sid, time.Now, event.FanOut{l.series, l.events}),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	l.Node, l.cancel, l.asked = n, cancel, time.Now()
	// Owned by the world: kill ends it and waits.
	go func() { l.done <- n.Run(ctx) }()
	w.alive[sid] = l
}

// kill ends a life and settles its accounts.
func (w *world) kill(sid quorum.SID) {
	l := w.alive[sid]
	if l == nil {
		return
	}
	w.ask(l)
	delete(w.alive, sid)
	w.net.Crash(addr(sid))
	l.cancel()
	if err := <-l.done; err != nil {
		w.t.Errorf("server %d: %v", sid, err)
	}
	w.settle(l)
}

// fault does something bad to somebody, or mends everything.
func (w *world) fault() {
	sid := func() quorum.SID { return quorum.SID(1 + w.rng.IntN(len(w.disks))) }
	a, b := sid(), sid()
	switch w.rng.IntN(8) {
	case 0, 1:
		w.kill(a)
	case 2:
		w.net.Break(addr(a), addr(b))
	case 3:
		if a != b {
			w.net.CutBoth(addr(a), addr(b))
		}
	case 4:
		if a != b {
			w.net.Cut(addr(a), addr(b))
		}
	default:
		w.mend()
	}
}

// mend ends all faults.
func (w *world) mend() {
	for a := range w.disks {
		for b := range w.disks {
			if a != b {
				w.net.Mend(addr(a), addr(b))
			}
		}
	}
	for sid := range w.disks {
		if w.alive[sid] == nil {
			w.boot(sid)
		}
	}
}

// ask scrapes a node: what it shows, against what it says when asked.
func (w *world) ask(l *life) {
	now := time.Now()
	s, err := l.Status(w.t.Context())
	if err != nil {
		w.t.Fatalf("server %d: %v", l.sid, err)
	}
	if s.Established.Epoch == 0 {
		l.polled += now.Sub(l.asked)
	}
	l.asked = now
	synctest.Wait()
	got := gather(w.t, l.series)
	for name, want := range map[string]float64{
		"electnode_round":          float64(s.Election.Round),
		"electnode_accepted_epoch": float64(s.Epochs.Accepted),
		"electnode_current_epoch":  float64(s.Epochs.Current),
		`electnode_node_state{state="` + s.State.String() + `"}`: 1,
		"electnode_has_leader": truth(s.Established.Epoch > 0),
	} {
		if got[name] != want {
			w.t.Errorf("server %d at %s: %s is %v, the node says %v", l.sid, now.Format(time.TimeOnly), name, got[name], want)
		}
	}
	w.near(l, "electnode_leaderless_seconds_total", got["electnode_leaderless_seconds_total"], s.Leaderless, 0)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// near compares seconds.
func (w *world) near(l *life, name string, got float64, want, slack time.Duration) {
	if d := got - want.Seconds(); d > slack.Seconds()+1e-6 || d < -slack.Seconds()-1e-6 {
		w.t.Errorf("server %d: %s is %.6f, should be %.6f", l.sid, name, got, want.Seconds())
	}
}

// TestDay is a day in the life of three servers.
func TestDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.mend()
		end := time.Now().Add(time.Duration(*hours) * time.Hour)
		next := time.Now()
		for time.Now().Before(end) && !t.Failed() {
			time.Sleep(scrape)
			synctest.Wait()
			for sid := quorum.SID(1); sid <= 3; sid++ {
				if l := w.alive[sid]; l != nil {
					w.ask(l)
				}
			}
			if time.Now().After(next) {
				w.fault()
				next = time.Now().Add(time.Duration(w.rng.Int64N(int64(time.Minute))))
			}
		}
		for sid := quorum.SID(1); sid <= 3; sid++ {
			w.kill(sid)
		}
		w.total.enough(t, *hours)
	})
}
