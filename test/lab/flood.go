package lab

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The ports of every node that a flood goes to.
const (
	electionPort = 3888
	quorumPort   = 2888
	clientPort   = 2181
	webPort      = 7001
)

const (
	firstAttacker = 100
	floodHosts    = 4  // the last is the one of the slow readers, which nobody else on it may crowd out
	floodThreads  = 24 // that dial, on each host
	floodDial     = time.Second
	floodHold     = 5 * time.Second        // how long a connection is held, if the kind of attack says nothing else
	floodRest     = 100 * time.Millisecond // at most, between two connections of one attacker
	floodTurned   = time.Second            // the same for who was turned away at once
	floodStart    = 3 * time.Second        // in which all attackers begin
	floodRefused  = 4 * time.Second        // the same where nobody listens
	floodLate     = time.Second            // after which a connection is ended that should have ended by itself
	// What a slow reader lets its kernel keep, and the segments that it takes: the sender's kernel keeps less for such a
	// connection. The kernel may give a little more.
	smallBuffer  = 4 << 10
	smallSegment = 536
)

// Flood attacks all ports of some nodes at once from some hosts: each attacker makes one connection after the other to
// one node and does one kind of harm with it, until Stop. Which and when comes from a seed.
type Flood struct {
	hosts   []*outlet
	seed    uint64
	stream  uint64 // of the random source of the next attacker
	cancel  context.CancelFunc
	running sync.WaitGroup

	tallies  map[string]*tally // by kind of attack
	statuses [600]atomic.Int64 // answers of HTTP
}

// tally is what one kind of attack has come to.
type tally struct {
	conns   atomic.Int64              // connections that were made
	givenUp [maxHost + 1]atomic.Int64 // by node: of them those that it ended because nobody read
}

// attacker is one kind of harm, done to a connection that stands.
type attacker struct {
	name  string
	port  uint16
	many  [floodHosts]int         // how many do it to each node, from each host
	hold  time.Duration           // how long a connection lasts at most; 0: floodHold
	slow  bool                    // its kernel keeps little of what is not read
	wrap  func(net.Conn) net.Conn // TLS; nil: none
	harms func(ctx context.Context, g *grip)
}

// grip is a connection in the hands of an attacker.
type grip struct {
	net.Conn
	socket *net.TCPConn
	rand   *rand.Rand
	hold   time.Duration
	target *Host
	port   uint16
	times  int // how many connections the attacker had before
	tally  *tally
	flood  *Flood
}

// outlet is some threads of a host, which dial for all attackers there: a socket belongs to the host on which it was
// made, whoever uses it then.
type outlet struct{ dials chan func() }

// NewFlood prepares attacks from hosts of their own, which are joined to the wire. The end of the test stops it.
func NewFlood(t testing.TB, wire *Wire, seed uint64) *Flood {
	t.Helper()
	f := &Flood{seed: seed, tallies: map[string]*tally{}}
	for i := range floodHosts {
		host := NewHost(t, firstAttacker+i)
		wire.Join(host)
		o := &outlet{dials: make(chan func())}
		for range floodThreads {
			// Owned by the outlet: ends when the channel is closed, at the end of the test.
			if err := host.Go(func() {
				for dial := range o.dials {
					dial()
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() { close(o.dials) })
		f.hosts = append(f.hosts, o)
	}
	t.Cleanup(f.Stop)
	return f
}

// Start sets attackers on the targets, until Stop.
func (f *Flood) Start(targets []*Host, all []attacker) {
	var ctx context.Context
	ctx, f.cancel = context.WithCancel(context.Background())
	for _, a := range all {
		if f.tallies[a.name] == nil {
			f.tallies[a.name] = new(tally)
		}
		t := f.tallies[a.name]
		if a.hold == 0 {
			a.hold = floodHold
		}
		for i, many := range a.many {
			for range many {
				for _, target := range targets {
					f.stream++
					r := rand.New(rand.NewPCG(f.seed, f.stream))
					// Owned by f: ends when ctx does, which Stop sees to.
					f.running.Go(func() { f.attack(ctx, f.hosts[i], target, r, a, t) })
				}
			}
		}
	}
}

// Stop ends all attackers and waits for them. Start may be called again.
func (f *Flood) Stop() {
	if f.cancel != nil {
		f.cancel()
		f.running.Wait()
	}
}

// Connections says how many connections each kind of attack has made so far.
func (f *Flood) Connections() map[string]int64 {
	counts := map[string]int64{}
	for name, n := range f.tallies {
		counts[name] = n.conns.Load()
	}
	return counts
}

// GivenUp is how many connections of a kind of attack were ended by a node, be it by its death, while nobody read.
func (f *Flood) GivenUp(name string, node *Node) int64 {
	return f.tallies[name].givenUp[node.Host.Number].Load()
}

// Status is how many answers of HTTP with that code came.
func (f *Flood) Status(code int) int64 { return f.statuses[code].Load() }

// attack makes one connection after the other. They do not all begin at once.
func (f *Flood) attack(ctx context.Context, from *outlet, target *Host, r *rand.Rand, a attacker, t *tally) {
	pause(ctx, time.Duration(r.Int64N(int64(floodStart))))
	for times := 0; ctx.Err() == nil; times++ {
		begun, rest := time.Now(), floodRest
		if conn, err := from.dial(ctx, netip.AddrPortFrom(target.Addr(), a.port), a.slow); err != nil {
			rest = floodRefused
		} else {
			t.conns.Add(1)
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			if conn.SetDeadline(begun.Add(a.hold+floodLate)) == nil {
				g := &grip{Conn: conn, rand: r, hold: a.hold, target: target, port: a.port, times: times, tally: t, flood: f}
				if a.wrap != nil {
					g.Conn = a.wrap(conn)
				}
				a.harms(ctx, g)
			}
			stop()
			_ = conn.Close() // nobody waits for what was on its way
			if time.Since(begun) < floodTurned {
				rest = floodTurned
			}
		}
		pause(ctx, time.Duration(r.Int64N(int64(rest))))
	}
}

// dial dials from the host.
func (o *outlet) dial(ctx context.Context, to netip.AddrPort, slow bool) (net.Conn, error) {
	dialer := net.Dialer{Timeout: floodDial, KeepAlive: -1}
	if slow {
		dialer.Control = func(_, _ string, c syscall.RawConn) error {
			var err error
			if cerr := c.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, smallBuffer)
				if err == nil {
					err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, smallSegment)
				}
			}); cerr != nil {
				return cerr
			}
			return err
		}
	}
	var conn net.Conn
	var err error
	done := make(chan struct{})
	select {
	case o.dials <- func() {
		defer close(done)
		conn, err = dialer.DialContext(ctx, "tcp", to.String())
	}:
		<-done
		return conn, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pause lets time pass, or ctx end.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// say writes; false: nobody takes it any more.
func (g *grip) say(b []byte) bool {
	_, err := g.Write(b)
	return err == nil
}

// stay keeps the connection and neither reads nor writes, for as long as it may last.
func (g *grip) stay(ctx context.Context) { pause(ctx, g.hold) }

// stayUntilThrownOut keeps the connection until the node ends it, and reads what comes meanwhile.
func (g *grip) stayUntilThrownOut() { _, _ = io.Copy(io.Discard, g) } // the deadline ends it

// stayDeaf keeps the connection without reading, and looks then whether the node has given it up.
func (g *grip) stayDeaf(ctx context.Context) {
	g.stay(ctx)
	if ctx.Err() != nil {
		return
	}
	from, err := netip.ParseAddrPort(g.LocalAddr().String())
	if err != nil {
		return
	}
	if kept, err := g.target.keeps(g.port, from); err == nil && !kept {
		g.tally.givenUp[g.target.Number].Add(1)
	}
}

// babble says something that is no protocol's, and waits to be thrown out.
func babble(_ context.Context, g *grip) {
	b := make([]byte, 1+g.rand.IntN(4096))
	for i := range b {
		b[i] = byte(g.rand.Uint32())
	}
	if g.say(b) {
		g.stayUntilThrownOut()
	}
}

// nothing is said, and nothing read.
func nothing(ctx context.Context, g *grip) { g.silent(ctx) }

// silent keeps the connection until the node ends it, but reads nothing that one could say anything to.
func (g *grip) silent(context.Context) {
	_ = g.SetDeadline(time.Now().Add(g.hold)) // fails only on a closed socket
	var one [1]byte
	_, _ = g.Read(one[:])
}
