package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"electnode/internal/durable"
	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/node"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// Options says what ensemble is wanted.
type Options struct {
	Nodes     int // voters, 1 to 99
	Observers int // 0 to 99
	Sink      event.Sink
	// Seed gives each start of a node a number of its own.
	Seed func() uint64
}

// The timing of the demo: a silent leader is given up after a second.
const (
	tick      = 200 * time.Millisecond
	initLimit = 10
	syncLimit = 5
)

// maxServers bounds the ensemble: each has a port and some goroutines for every other.
const maxServers = 99

// Ensemble is the running ensemble. Its methods are safe for use by many goroutines.
type Ensemble struct {
	opt   Options
	dir   string
	view  *quorum.View
	board *switchboard

	mu      sync.Mutex
	servers map[quorum.SID]*server
	closed  bool
}

// server is one node, running or killed.
type server struct {
	sid    quorum.SID
	store  *durable.Store
	node   *node.Node // nil: killed
	cancel context.CancelFunc
	done   chan error
	resume func() // not nil: paused
	zxid   quorum.Zxid
}

// Check says what is wrong with the numbers of servers.
func (o Options) Check() error {
	if o.Nodes < 1 || o.Nodes > maxServers || o.Observers < 0 || o.Observers > maxServers {
		return fmt.Errorf("%d nodes and %d observers: 1 to %d and 0 to %d are possible", o.Nodes,
			o.Observers, maxServers, maxServers)
	}
	if o.Nodes == 1 && o.Observers > 0 {
		return errors.New("one voter with observers is no ensemble: two nodes at least")
	}
	return nil
}

// Start makes an ensemble in a temporary directory and starts all its servers.
func Start(opt Options) (*Ensemble, error) {
	if err := opt.Check(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "electnode-demo-")
	if err != nil {
		return nil, err
	}
	e := &Ensemble{opt: opt, dir: dir, board: newSwitchboard(), servers: map[quorum.SID]*server{}}
	if e.view, err = e.plan(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	for _, m := range e.view.Members() {
		e.servers[m.SID] = &server{sid: m.SID}
	}
	for _, m := range e.view.Members() {
		if err := e.boot(e.servers[m.SID]); err != nil {
			return nil, errors.Join(err, e.Close())
		}
	}
	return e, nil
}

// plan finds free ports and makes the view of them.
func (e *Ensemble) plan() (*quorum.View, error) {
	var spec quorum.Spec
	ports, err := freePorts(2 * (e.opt.Nodes + e.opt.Observers))
	if err != nil {
		return nil, err
	}
	for i := range e.opt.Nodes + e.opt.Observers {
		m := quorum.Member{SID: quorum.SID(i + 1), Addresses: []quorum.Address{
			{Host: "127.0.0.1", QuorumPort: ports[2*i], ElectionPort: ports[2*i+1]}}}
		if i >= e.opt.Nodes {
			m.Role = quorum.Observer
		}
		e.board.owner[electionAddr(m)], e.board.owner[quorumAddr(m)] = m.SID, m.SID
		spec.Members = append(spec.Members, m)
	}
	return quorum.NewView(spec)
}

func electionAddr(m quorum.Member) string {
	return net.JoinHostPort(m.Addresses[0].Host, strconv.Itoa(m.Addresses[0].ElectionPort))
}

func quorumAddr(m quorum.Member) string {
	return net.JoinHostPort(m.Addresses[0].Host, strconv.Itoa(m.Addresses[0].QuorumPort))
}

// freePorts finds n TCP ports of loopback that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	var open []net.Listener
	var err error
	for range n {
		ln, lerr := net.Listen("tcp", "127.0.0.1:0")
		if lerr != nil {
			err = lerr
			break
		}
		open = append(open, ln)
		ports = append(ports, ln.Addr().(*net.TCPAddr).Port)
	}
	for _, ln := range open {
		err = errors.Join(err, ln.Close())
	}
	return ports, err
}

// boot starts a server from its directory. The caller holds the lock, or nobody else knows e yet.
func (e *Ensemble) boot(s *server) error {
	store, epochs, err := durable.Open(durable.OS{}, filepath.Join(e.dir, s.sid.String()), "")
	if err != nil {
		return err
	}
	m, _ := e.view.Member(s.sid)
	network := port{TCP: qcm.TCP{}, board: e.board, self: s.sid}
	n, err := node.New(node.Options{
		Core: node.CoreOptions{
			Election: fle.Options{Self: s.sid, View: e.view, MessageSeed: e.opt.Seed(),
				Parse: quorum.ParseOptions{Standalone: true}},
			Role: zab.Options{Tick: tick, InitLimit: initLimit, SyncLimit: syncLimit, LastZxid: s.zxid,
				Policy: zab.Echo}, // histories are made up here, and everybody knows,
			Epochs: zab.Epochs{Accepted: epochs.Accepted, Current: epochs.Current},
		},
		Links: qcm.Options{Listen: []string{electionAddr(m)}, Announce: []string{electionAddr(m)},
			Network: network, HandshakeTimeout: tick * syncLimit, ConnectTimeout: time.Second, BindRetry: 3},
		Quorum:       zab.TransportOptions{Network: network},
		QuorumListen: []string{quorumAddr(m)},
		Store:        store,
		Events:       event.NewEmitter(s.sid, time.Now, e.opt.Sink),
	})
	if err != nil {
		return errors.Join(err, store.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.node, s.store, s.cancel, s.done = n, store, cancel, make(chan error, 1)
	// Owned by the server: kill ends it and waits.
	go func(done chan error) { done <- n.Run(ctx) }(s.done)
	return nil
}

// kill ends a running server.
func (s *server) kill() error {
	if s.node == nil {
		return nil
	}
	s.cancel()
	if s.resume != nil {
		s.resume()
		s.resume = nil
	}
	err := errors.Join(<-s.done, s.store.Close())
	s.node = nil
	return err
}

// Close kills every server and removes the directory.
func (e *Ensemble) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	e.board.mendAll()
	var err error
	for _, s := range e.servers {
		err = errors.Join(err, s.kill())
	}
	return errors.Join(err, os.RemoveAll(e.dir))
}

// SIDs lists the servers, ascending.
func (e *Ensemble) SIDs() []quorum.SID {
	var all []quorum.SID
	for _, m := range e.view.Members() {
		all = append(all, m.SID)
	}
	return all
}

// View is the ensemble's configuration.
func (e *Ensemble) View() *quorum.View { return e.view }

// Status asks one server; an error when it is killed, or paused and does not answer before ctx ends.
func (e *Ensemble) Status(ctx context.Context, sid quorum.SID) (node.Status, error) {
	e.mu.Lock()
	s := e.servers[sid]
	var n *node.Node
	if s != nil {
		n = s.node
	}
	e.mu.Unlock()
	if n == nil {
		return node.Status{}, node.ErrStopped
	}
	return n.Status(ctx)
}

// askTime is how long a server may take to say whom it follows; one that is paused takes all of it.
const askTime = 250 * time.Millisecond

// Leader is the established leader that a quorum of the running servers agrees on.
func (e *Ensemble) Leader(ctx context.Context) (zab.Established, bool) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	sids := e.SIDs()
	answers := make([]zab.Established, len(sids))
	var group sync.WaitGroup
	for i, sid := range sids {
		// Ends with its question, which has a deadline; the group waits for it.
		group.Go(func() {
			if s, err := e.Status(ctx, sid); err == nil {
				answers[i] = s.Established
			}
		})
	}
	group.Wait()
	said := map[zab.Established]quorum.Set{}
	for i, est := range answers {
		if est.Epoch == 0 {
			continue
		}
		if said[est] == nil {
			said[est] = quorum.Set{}
		}
		said[est].Add(sids[i])
	}
	for est, by := range said {
		if e.view.IsQuorum(by.Has) {
			return est, true
		}
	}
	return zab.Established{}, false
}

// sortedPairs lists every line of the ensemble.
func (e *Ensemble) sortedPairs() []line {
	var all []line
	sids := e.SIDs()
	for i, a := range sids {
		for _, b := range sids[i+1:] {
			all = append(all, line{a, b})
		}
	}
	return slices.Clip(all)
}
