package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/quorum"
	"electnode/test/proc"
)

// Options is what an ensemble is made of.
type Options struct {
	Program string // what proc.Build gave
	Servers int    // sids 1 to Servers, each on the host of that number
	Seed    uint64 // of the wire, and of Ensemble.Rand
	// Settings are lines of zoo.cfg, in front of the server lines.
	Settings string
	// Named has the server lines say names (Ensemble.Names) instead of addresses.
	Named bool
	// Dir is where history, actions and logs are kept when the test fails. One that is there already, of a failure, is
	// kept under another name.
	Dir string
	// Again is the command that repeats the test, for whoever reads of its failure.
	Again string
}

// Ensemble is some nodes on hosts of their own, the wire between them, and what they told. Its methods belong to the
// test's goroutine. The end of the test ends all of it.
type Ensemble struct {
	Nodes   []*Node // by sid, from 1
	Wire    *Wire
	History *History
	Rand    *rand.Rand // for what the test does; the wire has its own

	t    testing.TB
	opt  Options
	acts *actions
}

// NewEnsemble prepares an ensemble; nothing runs yet.
func NewEnsemble(t testing.TB, opt Options) *Ensemble {
	t.Helper()
	Require(t)
	e := &Ensemble{t: t, opt: opt, Rand: rand.New(rand.NewPCG(opt.Seed, uint64(opt.Servers)))}
	var err error
	if e.opt.Dir, err = filepath.Abs(opt.Dir); err == nil {
		err = keepOld(e.opt.Dir)
	}
	if err == nil {
		err = os.MkdirAll(opt.Dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	lines, view := configuration(t, opt)
	e.Wire = NewWire(opt.Seed)
	t.Cleanup(e.Wire.Close)
	for number := range opt.Servers {
		host := NewHost(t, number+1)
		e.Wire.Join(host)
		e.Nodes = append(e.Nodes, newNode(e, host, opt.Settings+lines))
	}
	e.History = newHistory(t, filepath.Join(opt.Dir, "events.jsonl"), view)
	e.acts = newActions(t, filepath.Join(opt.Dir, "actions.jsonl"))
	e.act(Action{Action: "begin", Seed: opt.Seed, Detail: fmt.Sprintf("%d servers", opt.Servers)})
	t.Cleanup(e.end) // first of all: hosts and wire live until the nodes are dead
	return e
}

// keepOld renames a directory that is there: a failure is not lost when the same is tried again.
func keepOld(dir string) error {
	if _, err := os.Lstat(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for n := 1; ; n++ {
		free := fmt.Sprintf("%s-old-%d", dir, n)
		if _, err := os.Lstat(free); errors.Is(err, fs.ErrNotExist) {
			return os.Rename(dir, free)
		} else if err != nil {
			return err
		}
	}
}

// configuration is that of servers 1 to o.Servers: the server lines and what they mean.
func configuration(t testing.TB, o Options) (lines string, view *quorum.View) {
	t.Helper()
	var text strings.Builder
	for i := range o.Servers {
		host := hostAddr(i + 1).String()
		if o.Named {
			host = hostName(i + 1)
		}
		fmt.Fprintf(&text, "server.%d=%s:2888:3888\n", i+1, host)
	}
	view, err := quorum.ParseText(text.String(), quorum.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return text.String(), view
}

func hostName(number int) string { return fmt.Sprintf("zoo%d.test", number) }

// Names are the hosts' names and where they are.
func (e *Ensemble) Names() map[string]netip.Addr {
	names := map[string]netip.Addr{}
	for _, n := range e.Nodes {
		names[hostName(n.SID)] = n.Host.Addr()
	}
	return names
}

// end kills all nodes, judges the rest of the history, and leaves what explains a failure.
func (e *Ensemble) end() {
	for _, n := range e.Nodes {
		n.Kill()
	}
	if err := e.History.finish(); err != nil {
		e.t.Errorf("judged: %v", err)
	}
	judged, told := e.History.Counts()
	e.t.Logf("seed %d; judged: %+v; told: %+v", e.opt.Seed, judged, told)
	e.acts.close()
	if !e.t.Failed() {
		if err := os.RemoveAll(e.opt.Dir); err != nil {
			e.t.Error(err)
		}
		return
	}
	for _, n := range e.Nodes {
		path := filepath.Join(e.opt.Dir, fmt.Sprintf("log-%d.jsonl", n.SID))
		if err := os.WriteFile(path, []byte(n.Log()), 0o644); err != nil {
			e.t.Error(err)
		}
	}
	events := filepath.Join(e.opt.Dir, "events.jsonl")
	if err := arrange(events); err != nil {
		e.t.Error(err)
	}
	total, stray := e.Wire.Total()
	e.t.Logf("seed %d; events, actions and logs are in %s\nto look at them: electnode replay %s\nto judge them again: "+
		"go test ./test/lab -v -judge %s\nto run it again: %s\nthe wire: %+v, %d stray", e.opt.Seed, e.opt.Dir, events, events,
		e.opt.Again, total, stray)
}

// act writes down what the laboratory does.
func (e *Ensemble) act(a Action) {
	if err := e.acts.write(a); err != nil {
		e.t.Fatal(err)
	}
}

// Node is the node with this sid.
func (e *Ensemble) Node(sid int) *Node { return e.Nodes[sid-1] }

// Boot starts all nodes that are not up, with more flags if given.
func (e *Ensemble) Boot(flags ...string) {
	e.t.Helper()
	for _, n := range e.Nodes {
		if !n.up {
			n.Boot(flags...)
		}
	}
}

// Set sets what happens to packets from one server to another, and writes it down.
func (e *Ensemble) Set(from, to int, f Fault) {
	e.act(Action{Action: "wire", SID: from, Peer: to, Detail: fmt.Sprintf("%+v", f)})
	e.Wire.Set(from, to, f)
}

// Cut cuts one direction between two servers, or takes the cut back, and leaves its other faults.
func (e *Ensemble) Cut(from, to int, on bool) {
	e.act(Action{Action: "cut", SID: from, Peer: to, Detail: fmt.Sprint(on)})
	e.Wire.Change(from, to, func(f *Fault) { f.Cut = on })
}

// Noise sets the same faults for every pair.
func (e *Ensemble) Noise(f Fault) {
	e.act(Action{Action: "noise", Detail: fmt.Sprintf("%+v", f)})
	e.Wire.SetAll(f)
}

// Heal makes the wire good, lets paused nodes go on, and starts those that are down.
func (e *Ensemble) Heal() {
	e.t.Helper()
	e.act(Action{Action: "heal"})
	e.Wire.Heal()
	for _, n := range e.Nodes {
		n.Continue()
	}
	e.Boot()
}

// Agreed is one established leader that several nodes agree on.
type Agreed struct {
	Leader *Node
	Epoch  string
}

// Agreement looks whether all the given nodes (all there are, if none is given) agree on one established leader in one
// epoch, and says what is missing.
func (e *Ensemble) Agreement(among ...*Node) (Agreed, error) {
	if len(among) == 0 {
		among = e.Nodes
	}
	var agreed Agreed
	for _, n := range among {
		st, err := n.established()
		if err != nil {
			return Agreed{}, err
		}
		is := Agreed{e.Node(int(*st.Leader)), st.CurrentEpoch}
		if agreed.Leader != nil && agreed != is {
			return Agreed{}, fmt.Errorf("server %d follows %d in epoch %s, another %d in %s", n.SID, is.Leader.SID, is.Epoch,
				agreed.Leader.SID, agreed.Epoch)
		}
		agreed = is
	}
	return agreed, nil
}

// AwaitAgreement waits for an Agreement. A node that has ended by itself fails the test at once.
func (e *Ensemble) AwaitAgreement(limit time.Duration, among ...*Node) Agreed {
	e.t.Helper()
	var agreed Agreed
	proc.Every(e.t, 10*time.Millisecond, limit, "all agree on one established leader", func() error {
		e.NoneEnded()
		var err error
		agreed, err = e.Agreement(among...)
		return err
	})
	return agreed
}

// NoneEnded fails the test when a node has ended by itself.
func (e *Ensemble) NoneEnded() {
	e.t.Helper()
	if i := slices.IndexFunc(e.Nodes, (*Node).Ended); i >= 0 {
		e.t.Fatalf("server %d has ended by itself: %s", i+1, proc.Tail(e.Nodes[i].Log(), 1))
	}
}

// Leader is the established leader by what the nodes say that run; nil when none says so of itself.
func (e *Ensemble) Leader() *Node {
	for _, n := range e.Nodes {
		if !n.up || n.Paused() {
			continue
		}
		if st, err := n.established(); err == nil && int(*st.Leader) == n.SID {
			return n
		}
	}
	return nil
}

// Pass lets time pass; a node that ends by itself meanwhile fails the test.
func (e *Ensemble) Pass(d time.Duration) {
	e.t.Helper()
	<-time.After(d)
	e.NoneEnded()
}

// Judge judges all that is known so far of the history.
func (e *Ensemble) Judge() {
	e.t.Helper()
	if err := e.History.Judge(); err != nil {
		e.t.Fatalf("judged: %v", err)
	}
}
