package growth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"electnode/internal/durable"
	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/node"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// The timing of the nodes, ZooKeeper's default.
const (
	tick      = 2 * time.Second
	initLimit = 10
	syncLimit = 5
)

// Ensemble is voters in one process. One goroutine uses it.
type Ensemble struct {
	Tally *Tally

	dir   string
	view  *quorum.View
	nodes map[quorum.SID]*running
}

// running is a node that runs.
type running struct {
	sid    quorum.SID
	node   *node.Node
	store  *durable.Store
	cancel context.CancelFunc
	done   chan error
}

// New prepares voters that do not run yet, with a temporary directory and free ports of their own.
func New(voters int) (*Ensemble, error) {
	ports, err := freePorts(2 * voters)
	if err != nil {
		return nil, err
	}
	view, err := quorum.NewView(quorum.Spec{Members: members(voters, func(i int) int { return ports[i] })})
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "electnode-growth-")
	if err != nil {
		return nil, err
	}
	return &Ensemble{Tally: NewTally(view), dir: dir, view: view, nodes: map[quorum.SID]*running{}}, nil
}

// members are voters of loopback; port gives the ports in the order in which they are used.
func members(voters int, port func(int) int) []quorum.Member {
	var all []quorum.Member
	for i := range voters {
		all = append(all, quorum.Member{SID: quorum.SID(i + 1), Addresses: []quorum.Address{
			{Host: "127.0.0.1", QuorumPort: port(2 * i), ElectionPort: port(2*i + 1)}}})
	}
	return all
}

// freePorts finds TCP ports of loopback that nobody listens on.
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

// Prepare opens the directory of every voter, which writes to disk and is no part of an election.
func (e *Ensemble) Prepare() error {
	for _, m := range e.view.Members() {
		store, _, err := durable.Open(durable.OS{}, e.dataDir(m.SID), "")
		if err == nil {
			err = store.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Ensemble) dataDir(sid quorum.SID) string { return filepath.Join(e.dir, sid.String()) }

// Start makes every voter and then has all of them run at once.
func (e *Ensemble) Start() error {
	var made []*running // by sid
	for _, m := range e.view.Members() {
		r, err := e.assemble(m)
		if err != nil {
			err = fmt.Errorf("voter %d: %w", m.SID, err)
			for _, r := range made {
				err = errors.Join(err, r.store.Close())
			}
			return err
		}
		made = append(made, r)
	}
	for _, r := range made {
		ctx, cancel := context.WithCancel(context.Background())
		r.cancel = cancel
		// Owned by r: Kill ends it and waits.
		go func() { r.done <- r.node.Run(ctx) }()
		e.nodes[r.sid] = r
	}
	return nil
}

// assemble makes a voter that does not run yet: nothing but its store is open.
func (e *Ensemble) assemble(m quorum.Member) (*running, error) {
	store, epochs, err := durable.Open(durable.OS{}, e.dataDir(m.SID), "")
	if err != nil {
		return nil, err
	}
	at := m.Addresses[0]
	election, quorumPort := hostPort(at.Host, at.ElectionPort), hostPort(at.Host, at.QuorumPort)
	n, err := node.New(node.Options{
		Core: node.CoreOptions{
			Election: fle.Options{Self: m.SID, View: e.view, MessageSeed: uint64(m.SID) << 32},
			Role:     zab.Options{Tick: tick, InitLimit: initLimit, SyncLimit: syncLimit},
			Epochs:   zab.Epochs{Accepted: epochs.Accepted, Current: epochs.Current},
		},
		Links: qcm.Options{Listen: []string{election}, Announce: []string{election}, Network: qcm.TCP{},
			HandshakeTimeout: tick * syncLimit, BindRetry: 3},
		Quorum:       zab.TransportOptions{Network: qcm.TCP{}},
		QuorumListen: []string{quorumPort},
		Store:        store,
		Events:       event.NewEmitter(m.SID, time.Now, e.Tally),
	})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &running{sid: m.SID, node: n, store: store, done: make(chan error, 1)}, nil
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// Kill ends a voter: all its connections at once, without a word, as the end of its process would.
func (e *Ensemble) Kill(sid quorum.SID) error {
	r := e.nodes[sid]
	if r == nil {
		return nil
	}
	delete(e.nodes, sid)
	r.cancel()
	return errors.Join(<-r.done, r.store.Close())
}

// Close ends every voter and removes the directory.
func (e *Ensemble) Close() error {
	for _, r := range e.nodes {
		r.cancel()
	}
	var err error
	for _, m := range e.view.Members() {
		err = errors.Join(err, e.Kill(m.SID))
	}
	return errors.Join(err, os.RemoveAll(e.dir))
}
