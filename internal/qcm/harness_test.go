package qcm

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
)

// A host in memory can be a Network.
var _ Network = (*memnet.Host)(nil)

// recorder keeps events for assertions.
type recorder struct {
	mu     sync.Mutex
	events []event.Event
	grown  chan struct{} // closed and replaced when an event comes
}

func newRecorder() *recorder { return &recorder{grown: make(chan struct{})} }

func (r *recorder) Record(s event.Stamped) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, s.Event)
	close(r.grown)
	r.grown = make(chan struct{})
}

func (r *recorder) all() []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

func (r *recorder) mark() int { return len(r.all()) }

// await is the first event of type E since mark that match accepts (nil: any); it waits 20 s for it.
func await[E event.Event](t testing.TB, r *recorder, mark int, match func(E) bool) E {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		events, grown := r.events[mark:], r.grown
		r.mu.Unlock()
		for _, ev := range events {
			if e, ok := ev.(E); ok && (match == nil || match(e)) {
				return e
			}
		}
		select {
		case <-grown:
		case <-late:
			var want E
			t.Fatalf("no such %T among\n%s", want, transcript(events))
		}
	}
}

func count[E event.Event](r *recorder, mark int, match func(E) bool) int {
	n := 0
	for _, ev := range r.all()[mark:] {
		if e, ok := ev.(E); ok && (match == nil || match(e)) {
			n++
		}
	}
	return n
}

func transcript(events []event.Event) string {
	var b strings.Builder
	for _, ev := range events {
		fmt.Fprintf(&b, "%s %+v\n", ev.Name(), ev)
	}
	return b.String()
}

// spy is a Handler that notes its calls and checks their order.
type spy struct {
	onFrame func(peer quorum.SID, frame []byte) // optional
	onDown  func(peer quorum.SID)               // optional

	mu    sync.Mutex
	calls []string
	busy  map[quorum.SID]bool
	up    map[quorum.SID]bool
	wrong []string
	grown chan struct{}
}

func newSpy() *spy {
	return &spy{busy: map[quorum.SID]bool{}, up: map[quorum.SID]bool{}, grown: make(chan struct{})}
}

// enter notes a call about a peer; wantUp is what must be so before it, and isUp what is so after it.
func (s *spy) enter(call string, peer quorum.SID, wantUp, isUp bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[peer] || s.up[peer] != wantUp {
		s.wrong = append(s.wrong, fmt.Sprintf("%s: busy %t, up %t", call, s.busy[peer], s.up[peer]))
	}
	s.busy[peer], s.up[peer] = true, isUp
	s.calls = append(s.calls, call)
	close(s.grown)
	s.grown = make(chan struct{})
}

func (s *spy) leave(peer quorum.SID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[peer] = false
}

func (s *spy) LinkUp(peer quorum.SID) {
	s.enter(fmt.Sprintf("up %d", peer), peer, false, true)
	s.leave(peer)
}

func (s *spy) Frame(peer quorum.SID, frame []byte) {
	s.enter(fmt.Sprintf("frame %d %.40s", peer, frame), peer, true, true)
	defer s.leave(peer)
	if s.onFrame != nil {
		s.onFrame(peer, frame)
	}
}

func (s *spy) LinkDown(peer quorum.SID) {
	s.enter(fmt.Sprintf("down %d", peer), peer, true, false)
	defer s.leave(peer)
	if s.onDown != nil {
		s.onDown(peer)
	}
}

func (s *spy) DialFailed(peer quorum.SID) {
	s.enter(fmt.Sprintf("failed %d", peer), peer, false, false)
	s.leave(peer)
}

func (s *spy) seen(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c == call {
			n++
		}
	}
	return n
}

// await waits until call was made n times.
func (s *spy) await(t testing.TB, call string, n int) {
	t.Helper()
	late := time.After(20 * time.Second)
	for s.seen(call) < n {
		s.mu.Lock()
		grown := s.grown
		s.mu.Unlock()
		if s.seen(call) >= n {
			return
		}
		select {
		case <-grown:
		case <-late:
			t.Fatalf("%q was called %d times, want %d; calls: %q", call, s.seen(call), n, s.calls)
		}
	}
}

// node is a manager at work.
type node struct {
	*Manager
	t    testing.TB
	rec  *recorder
	spy  *spy
	done chan error
	stop context.CancelFunc
}

// start runs a manager; halt must be called before the test ends.
func start(t testing.TB, opt Options, prepare ...func(*node)) *node {
	t.Helper()
	n := &node{t: t, rec: newRecorder(), spy: newSpy(), done: make(chan error, 1)}
	opt.Handler, opt.Events = n.spy, event.NewEmitter(opt.Self, time.Now, n.rec)
	var err error
	if n.Manager, err = New(opt); err != nil {
		t.Fatal(err)
	}
	for _, f := range prepare {
		f(n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n.stop = cancel
	go func() { n.done <- n.Run(ctx) }() // ends with halt
	return n
}

// halt stops the manager and checks what must hold for every run.
func (n *node) halt() {
	n.t.Helper()
	n.stop()
	if err := <-n.done; err != nil {
		n.t.Errorf("Run: %v", err)
	}
	n.spy.mu.Lock()
	defer n.spy.mu.Unlock()
	for _, w := range n.spy.wrong {
		n.t.Errorf("call out of order: %s", w)
	}
	for peer, up := range n.spy.up {
		if up {
			n.t.Errorf("no LinkDown for %d", peer)
		}
	}
	ups, downs := count[event.ConnectionUp](n.rec, 0, nil), count[event.ConnectionDown](n.rec, 0, nil)
	if ups != downs {
		n.t.Errorf("%d connections went up and %d down", ups, downs)
	}
}

func (n *node) say(peer quorum.SID, text string) {
	n.Send(Message{Frame: []byte(text), Sent: event.NotificationSent{Peer: peer, Cause: event.SendOwnVote}})
}

func (n *node) link(peer quorum.SID) LinkStatus {
	for _, l := range n.Links() {
		if l.Peer == peer {
			return l
		}
	}
	return LinkStatus{Peer: peer}
}

// ip is the address of the server with this sid in a network in memory.
func ip(sid quorum.SID) string { return fmt.Sprintf("10.0.0.%d", sid) }

func at(sid quorum.SID) string { return ip(sid) + ":3888" }

// view is a configuration in which each server has the given hosts, by default its ip, and port 3888.
func view(t testing.TB, hosts map[quorum.SID][]string) *quorum.View {
	t.Helper()
	var spec quorum.Spec
	for sid, all := range hosts {
		m := quorum.Member{SID: sid}
		for _, h := range all {
			m.Addresses = append(m.Addresses, quorum.Address{Host: h, QuorumPort: 2888, ElectionPort: 3888})
		}
		spec.Members = append(spec.Members, m)
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func members(t testing.TB, sids ...quorum.SID) *quorum.View {
	hosts := map[quorum.SID][]string{}
	for _, s := range sids {
		hosts[s] = []string{ip(s)}
	}
	return view(t, hosts)
}

// onNet makes the options of a server in a network in memory, and sees that its configuration is v.
func onNet(n *memnet.Net, self quorum.SID) Options {
	return Options{Self: self, Listen: []string{at(self)}, Announce: []string{at(self)}, Network: n.Host(ip(self))}
}

func with(v *quorum.View) func(*node) { return func(n *node) { n.SetViews(v, nil) } }

// raw is a peer played by the test: it connects from the ip of a server to another and says what it likes.
func raw(t testing.TB, n *memnet.Net, from string, to quorum.SID, say []byte) net.Conn {
	t.Helper()
	c, err := n.Host(from).Dial(t.Context(), at(to))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(say); err != nil {
		t.Fatal(err)
	}
	return c
}

func hello(t testing.TB, sid quorum.SID, addrs ...string) []byte {
	t.Helper()
	b, err := AppendPreamble(nil, Preamble{FormV2, sid, addrs})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bubble runs f on fake time.
func bubble(t *testing.T, f func(t *testing.T, net *memnet.Net)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, memnet.New()) })
}
