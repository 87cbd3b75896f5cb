package lab

import (
	"fmt"
	"net/http"
	"syscall"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/web"
	"electnode/internal/zab"
	"electnode/test/proc"
)

// httpAddr is where every node answers, on its own host.
const httpAddr = "127.0.0.1:7000"

// Node is one electnode of an ensemble, on a host of its own. Its methods belong to the test's goroutine.
type Node struct {
	*proc.Node
	Host *Host

	e      *Ensemble
	stream *stream   // of the present life, or of the last one
	up     bool      // booted and not killed since; it may have ended by itself
	paused time.Time // since when; zero: it is not
}

func newNode(e *Ensemble, host *Host, zooCfg string) *Node {
	n := &Node{Node: proc.NewNode(e.t, e.opt.Program, host.Number, zooCfg), Host: host, e: e}
	n.HTTP, n.Spawn = httpAddr, host.Start
	transport := &http.Transport{DialContext: host.DialContext}
	n.Client = &http.Client{Transport: transport}
	e.t.Cleanup(transport.CloseIdleConnections)
	return n
}

// Up reports whether the node was booted and not killed since.
func (n *Node) Up() bool { return n.up }

// Paused reports whether the node was paused and not continued since.
func (n *Node) Paused() bool { return !n.paused.IsZero() }

// Boot starts the node, with more flags if given and with what its disk has, and begins to listen to its events. It
// does not wait.
func (n *Node) Boot(flags ...string) {
	n.e.t.Helper()
	epochs := n.Epochs()
	n.e.act(Action{Action: "boot", SID: n.SID, Detail: fmt.Sprintf("%+v", epochs)})
	n.e.History.Booted(now(), n.sid(), epochs)
	n.Start(flags...)
	n.up = true
	n.stream = n.e.History.listen(n.sid(), n.Client, "http://"+n.HTTP+"/api/v1/events")
}

// Kill ends the node as kill -9 does, reads what its disk has then, and waits until all that it told is in the
// history. One that is not up stays as it is.
func (n *Node) Kill() {
	n.e.t.Helper()
	if !n.up {
		return
	}
	n.e.act(Action{Action: "kill", SID: n.SID})
	n.Node.Kill()
	dead := now()
	n.up, n.paused = false, time.Time{}
	n.stream.end()
	n.e.History.Died(dead, n.sid(), n.Epochs())
}

// Pause stops the process (SIGSTOP); its kernel goes on, its clocks too.
func (n *Node) Pause() {
	n.e.t.Helper()
	if n.up && !n.Paused() {
		n.e.act(Action{Action: "pause", SID: n.SID})
		n.Signal(syscall.SIGSTOP)
		n.paused = time.Now()
	}
}

// Continue lets a paused process go on.
func (n *Node) Continue() {
	n.e.t.Helper()
	if n.Paused() {
		n.e.act(Action{Action: "continue", SID: n.SID})
		n.Signal(syscall.SIGCONT)
		n.paused = time.Time{}
	}
}

// Ended reports whether the node has ended by itself.
func (n *Node) Ended() bool { return n.up && !n.Running() }

// Epochs are those on the node's disk now.
func (n *Node) Epochs() zab.Epochs {
	n.e.t.Helper()
	var accepted, current int64
	err := ErrHostClosed
	read := func() { accepted, current, err = proc.Epochs(n.DataDir()) }
	if cerr := n.Host.Do(read); cerr != nil { // the host may have a disk of its own there
		err = cerr
	}
	if err != nil {
		n.e.t.Fatalf("epochs of server %d: %v", n.SID, err)
	}
	return zab.Epochs{Accepted: quorum.Epoch(accepted), Current: quorum.Epoch(current)}
}

// sid is the node's id as events have it.
func (n *Node) sid() quorum.SID { return quorum.SID(n.SID) }

// established is the node's status if it has an established leader, and otherwise an error that says what it has.
func (n *Node) established() (web.Status, error) {
	if n.Ended() {
		return web.Status{}, fmt.Errorf("server %d has ended by itself: %s", n.SID, proc.Tail(n.Log(), 1))
	}
	st, err := n.Status()
	switch {
	case err != nil:
		return st, fmt.Errorf("server %d: %w", n.SID, err)
	case !st.Established || st.Leader == nil:
		return st, fmt.Errorf("server %d is %s without an established leader", n.SID, st.State)
	}
	return st, nil
}
