package interop

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/web"
	"electnode/test/proc"
	"electnode/test/zk"
)

// patience is how long an ensemble may take to agree, on a machine that has other things to do too.
const patience = 60 * time.Second

// timing is the part of zoo.cfg that is the same for all: heartbeats four times a second, 5 s to miss them.
const timing = "tickTime=500\ninitLimit=20\nsyncLimit=10\n"

// plan says what an ensemble is made of.
type plan struct {
	// kinds has a letter for each server, from server 1 on: j for a real server, e for an electnode, a
	// capital for an observer.
	kinds string
	hosts []string // the addresses of every server [127.0.0.1]
	cfg   string   // more lines of zoo.cfg, for all
	own   string   // more lines of zoo.cfg, for electnodes
	jvm   []string // more properties of the real servers
	// dial is how a stranger connects with election ports [TCP].
	dial func(addr string) (net.Conn, error)
}

// ensemble is a number of servers that know each other.
type ensemble struct {
	t        testing.TB
	members  []*member
	stranger *zk.Stranger
	expected []string // what the test makes real servers log, beside what is always expected
}

// build makes an ensemble of which no server runs. At the end of the test those that run then must be in
// order.
func build(t testing.TB, p plan) *ensemble {
	t.Helper()
	zk.Need(t)
	if p.hosts == nil {
		p.hosts = []string{"127.0.0.1"}
	}
	e := &ensemble{t: t, stranger: zk.NewStranger(t, 0)}
	if p.dial != nil {
		e.stranger = zk.NewStrangerOver(t, 0, p.dial)
	}
	ports := proc.Ports(t, 3*len(p.kinds))
	var lines strings.Builder
	for i, kind := range p.kinds {
		m := &member{sid: i + 1, observer: kind < 'a', host: strings.Trim(p.hosts[0], "[]"),
			client: ports[3*i], quorum: ports[3*i+1], election: ports[3*i+2], jvm: p.jvm}
		e.members = append(e.members, m)
		lines.WriteString(m.line(p.hosts))
	}
	for i, kind := range strings.ToLower(p.kinds) {
		m := e.members[i]
		cfg := timing + p.cfg + lines.String() + fmt.Sprintf("clientPort=%d\nclientPortAddress=%s\n", m.client, m.host)
		if kind == 'j' {
			m.java = zk.New(t, m.sid, cfg)
		} else {
			m.node = proc.NewNode(t, electnode, m.sid, cfg+"4lw.commands.whitelist=*\n"+p.own)
		}
	}
	t.Cleanup(e.inOrder)
	return e
}

// line is the server's line of zoo.cfg.
func (m *member) line(hosts []string) string {
	var addrs []string
	for _, h := range hosts {
		addrs = append(addrs, fmt.Sprintf("%s:%d:%d", h, m.quorum, m.election))
	}
	line := fmt.Sprintf("server.%d=%s", m.sid, strings.Join(addrs, "|"))
	if m.observer {
		line += ":observer"
	}
	return line + "\n"
}

// form makes an ensemble, starts all its servers, and waits until they agree.
func form(t testing.TB, p plan) (*ensemble, agreement) {
	t.Helper()
	e := build(t, p)
	e.start(e.sids()...)
	return e, e.agree()
}

func (e *ensemble) sids() []int {
	var sids []int
	for _, m := range e.members {
		sids = append(sids, m.sid)
	}
	return sids
}

func (e *ensemble) member(sid int) *member { return e.members[sid-1] }

// start starts servers. Real ones take a second or two until they can be asked anything.
func (e *ensemble) start(sids ...int) {
	for _, sid := range sids {
		e.member(sid).start()
	}
}

// kill ends servers as kill -9 does.
func (e *ensemble) kill(sids ...int) {
	for _, sid := range sids {
		e.member(sid).kill()
	}
}

// agreement is what all servers say.
type agreement struct {
	leader int
	epoch  int64
}

// agree waits until all servers that run, or those given, say the same: one leader, which says so itself,
// one epoch, and each the state that is its own.
func (e *ensemble) agree(sids ...int) agreement {
	e.t.Helper()
	var a agreement
	proc.Eventually(e.t, patience, "all agree", func() (err error) {
		a, err = e.ask(sids...)
		return err
	})
	e.t.Logf("all agree: %s leads in epoch %d", e.member(a.leader), a.epoch)
	return a
}

// keeps checks for a while that nothing changes.
func (e *ensemble) keeps(a agreement, during time.Duration) {
	e.t.Helper()
	what := fmt.Sprintf("%s leads in epoch %d", e.member(a.leader), a.epoch)
	proc.Throughout(e.t, during, what, func() error {
		b, err := e.ask()
		if err == nil && b != a {
			err = fmt.Errorf("%+v became %+v", a, b)
		}
		return err
	})
}

// ask asks the servers that run, or those given, once.
func (e *ensemble) ask(sids ...int) (agreement, error) {
	var a agreement
	var errs []error
	for _, m := range e.members {
		if !wanted(m, sids) {
			continue
		}
		s, err := m.ask(e.stranger)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", m, err))
			continue
		case a == agreement{}:
			a = agreement{s.leader, s.epoch}
		case a != agreement{s.leader, s.epoch}:
			errs = append(errs, fmt.Errorf("%s says %+v, others %+v", m, s, a))
		}
		if state := m.stateUnder(s.leader); s.state != state {
			errs = append(errs, fmt.Errorf("%s is %s and not %s", m, s.state, state))
		}
	}
	if len(errs) == 0 && (a.leader < 1 || a.leader > len(e.members) || !wanted(e.member(a.leader), sids)) {
		errs = append(errs, fmt.Errorf("the leader %d was not asked", a.leader))
	}
	return a, errors.Join(errs...)
}

func wanted(m *member, sids []int) bool {
	if len(sids) == 0 {
		return m.running()
	}
	return slices.Contains(sids, m.sid)
}

func (m *member) stateUnder(leader int) string {
	switch {
	case m.sid == leader:
		return "LEADING"
	case m.observer:
		return "OBSERVING"
	}
	return "FOLLOWING"
}

// status is what the electnode sid says.
func (e *ensemble) status(sid int) web.Status {
	e.t.Helper()
	s, err := e.member(sid).node.Status()
	if err != nil {
		e.t.Fatal(err)
	}
	return s
}

// spoke checks that electnodes understood preambles of real servers, and that they had this form. Those with a
// real server above them were dialled by it; the others may have been the first to dial, and heard none.
func (e *ensemble) spoke(form string) {
	e.t.Helper()
	for i, m := range e.members {
		if m.node == nil {
			continue
		}
		heard := 0
		for _, line := range m.node.Lines("hand-shake") {
			peer, ok := line["peer"].(float64)
			if !ok || int(peer) > len(e.members) || e.member(int(peer)).java == nil {
				continue
			}
			heard++
			if line["form"] != form {
				e.t.Errorf("%s got a preamble of form %v from server %v, not %s", m, line["form"], peer, form)
			}
		}
		above := slices.ContainsFunc(e.members[i+1:], func(o *member) bool { return o.java != nil })
		if heard == 0 && above {
			e.t.Errorf("%s got no preamble of a real server", m)
		}
	}
}

// hasIPv6 reports whether this machine has the loopback address of IPv6.
func hasIPv6() bool {
	ln, err := net.Listen("tcp", "[::1]:0")
	return err == nil && ln.Close() == nil
}

// java is the first real server that runs and is none of those given.
func (e *ensemble) java(but ...int) *member {
	e.t.Helper()
	for _, m := range e.members {
		if m.java != nil && m.running() && (len(but) == 0 || !wanted(m, but)) {
			return m
		}
	}
	e.t.Fatal("no real server runs")
	return nil
}

// inOrder checks what must hold after every run: no real server has come to harm. All that run still answer
// a stranger, and their logs tell of nothing but lost connections and stopped threads.
func (e *ensemble) inOrder() {
	if e.t.Failed() {
		return // the cause is known, what follows is noise
	}
	for _, m := range e.members {
		if m.java == nil {
			continue
		}
		if m.running() {
			if _, err := m.stranger(e.stranger); err != nil {
				e.t.Errorf("%s has gone deaf: %v", m, err)
			}
		}
		if found := m.harm(e.expected...); len(found) > 0 {
			e.t.Errorf("the log of %s tells of:\n  %s", m, strings.Join(found, "\n  "))
		}
	}
}
