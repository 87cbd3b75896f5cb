package zab

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// member runs one role over loopback TCP, as a node would: one goroutine owns the role.
type member struct {
	role      Role
	transport *Transport
	inputs    chan Input
	addrs     []string // of the leader
	events    *recorded
	emitter   *event.Emitter

	established chan Established
	done        chan Done
	stop        chan struct{}
	wg          sync.WaitGroup
}

func startMember(role Role, addrs []string) *member {
	m := &member{role: role, inputs: make(chan Input), addrs: addrs, events: &recorded{},
		established: make(chan Established, 1), done: make(chan Done, 1), stop: make(chan struct{})}
	m.emitter = event.NewEmitter(0, time.Now, m.events)
	m.transport = NewTransport(TransportOptions{Network: tcpNet{}, Inputs: m.inputs, Events: m.emitter})
	return m
}

// run owns the role until it is done or the member is stopped.
func (m *member) run() {
	defer m.transport.Close()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	out := m.role.Start(time.Now())
	for {
		for _, ev := range out.Events {
			m.emitter.Emit(ev)
		}
		if out.Dial {
			m.transport.Dial(context.Background(), 1, m.addrs)
		}
		for _, s := range out.Sends {
			m.transport.Send(s)
		}
		for _, c := range out.Close {
			m.transport.CloseConn(c)
		}
		if out.Established != nil {
			m.established <- *out.Established
		}
		if out.Done != nil {
			m.done <- *out.Done
			return
		}
		if out.Persist != nil { // a very fast disk
			out = m.role.Step(time.Now(), Input{Kind: Persisted})
			continue
		}
		if !out.Deadline.IsZero() {
			timer.Reset(time.Until(out.Deadline))
		}
		select {
		case in := <-m.inputs:
			out = m.role.Step(time.Now(), in)
		case <-timer.C:
			out = m.role.Tick(time.Now())
		case <-m.stop:
			return
		}
	}
}

func (m *member) start(t *testing.T) *member {
	m.wg.Go(m.run) // ends when the role is done or halt is called, which Cleanup does
	t.Cleanup(m.halt)
	return m
}

func (m *member) halt() {
	select {
	case <-m.stop:
	default:
		close(m.stop)
	}
	m.wg.Wait()
}

// soon is how long a test waits for what must happen.
const soon = 20 * time.Second

func wait[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(soon):
		t.Fatalf("%s did not come", what)
		panic("not reached")
	}
}

func tcpOptions(t *testing.T, self quorum.SID) Options {
	o := testOptions(t, "1,2,3")
	o.Self, o.Leader = self, 1
	o.Tick, o.InitLimit, o.SyncLimit = 100*time.Millisecond, 20, 20
	o.Observer = self == 9
	o.DecidedAt = time.Now()
	return o
}

// listenAndLead starts a leader on a free port.
func listenAndLead(t *testing.T) (*member, string) {
	t.Helper()
	m := startMember(NewLeader(tcpOptions(t, 1)), nil)
	bound, err := m.transport.Listen([]string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	return m.start(t), bound[0].String()
}

func TestEnsembleOverTCP(t *testing.T) {
	leader, addr := listenAndLead(t)
	var attackers sync.WaitGroup
	for _, attack := range attacks() {
		attackers.Go(func() { hostile(t, addr, attack) }) // ends when the leader closes its connection
	}
	learners := map[quorum.SID]*member{}
	for _, sid := range sids("2,3,9") {
		o := tcpOptions(t, sid)
		learners[sid] = startMember(NewLearner(o), []string{"127.0.0.1:1", addr}).start(t)
	}
	want := Established{Leader: 1, Epoch: 1}
	if got := wait(t, "the leader's establishment", leader.established); got != want {
		t.Errorf("leader: %+v, want %+v", got, want)
	}
	for sid, m := range learners {
		if got := wait(t, "a learner's establishment", m.established); got != want {
			t.Errorf("learner %d: %+v, want %+v", sid, got, want)
		}
	}
	attackers.Wait()
	leader.expect(t, 1, "a rejection of each attack", func(ev event.Event) bool {
		r, ok := ev.(event.HandshakeRejected)
		return ok && r.Reason == event.RejectSilent
	})
	leader.expect(t, 2, "rejections of garbage", func(ev event.Event) bool {
		r, ok := ev.(event.HandshakeRejected)
		return ok && r.Reason == event.RejectFirstPacket
	})
	leader.expect(t, 9, "heartbeats", func(ev event.Event) bool { _, ok := ev.(event.HeartbeatAnswered); return ok })
	for sid, m := range learners {
		select {
		case d := <-m.done:
			t.Errorf("learner %d ended: %+v", sid, d)
		default:
		}
	}

	learners[2].halt()
	learners[3].halt()
	if d := wait(t, "the leader's end", leader.done); d.Reason != event.ReasonQuorumLost {
		t.Errorf("leader: %+v", d)
	}
	if d := wait(t, "the observer's end", learners[9].done); d.Reason != event.ReasonLeaderLost {
		t.Errorf("observer: %+v", d)
	}
}

// expect waits until at least n such events were recorded.
func (m *member) expect(t *testing.T, n int, what string, is func(event.Event) bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	end := time.After(soon)
	for m.events.count(is) < n {
		select {
		case <-ticker.C:
		case <-end:
			t.Fatalf("%s: %d, want %d", what, m.events.count(is), n)
		}
	}
}

func attacks() map[string][]byte {
	oversized := AppendPacket(nil, Packet{Type: TypeFollowerInfo})
	binary.BigEndian.PutUint32(oversized[12:], 0x7fffffff)
	return map[string][]byte{
		"silent":    nil,
		"oversized": oversized,
		"http":      []byte("GET / HTTP/1.1\r\nHost: electnode\r\n\r\n"),
		"slow":      AppendPacket(nil, info(TypeFollowerInfo, 3))[:9],
	}
}

// hostile says its piece, if any, and then listens until it is thrown out.
func hostile(t *testing.T, addr string, piece []byte) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if _, err := c.Write(piece); err != nil {
		t.Error(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(soon)); err != nil {
		t.Error(err)
	}
	_, err = io.Copy(io.Discard, c)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Error("was not thrown out")
	}
}

// A leader that opens its port late does not cost another election.
func TestLateLeader(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	learner := startMember(NewLearner(tcpOptions(t, 2)), []string{addr}).start(t)
	select {
	case d := <-learner.done:
		t.Fatalf("gave up: %+v", d)
	case <-time.After(600 * time.Millisecond): // ZooKeeper's learner is gone by now
	}
	leader := startMember(NewLeader(tcpOptions(t, 1)), nil)
	if _, err := leader.transport.Listen([]string{addr}); err != nil {
		t.Fatal(err)
	}
	leader.start(t)
	if got := wait(t, "the establishment", learner.established); got.Leader != 1 {
		t.Errorf("got %+v", got)
	}
}
