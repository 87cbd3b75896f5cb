package watch

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/quorum"
)

const (
	// seedRest is how long no server must have answered before targets that are no known address are asked
	// again: the ensemble may have moved.
	seedRest = 10 * time.Second
	// maxText is the longest configuration text that is read, in bytes: many times that of maxServers.
	maxText = 64 << 10
)

// core is a watcher without its connections: a function of what its links report. It reads no clock, and the
// same reports make the same outputs.
type core struct {
	self     quorum.SID
	now      time.Time // of the last report; never goes back
	view     *quorum.View
	pinned   map[quorum.SID]string // targets with a sid
	seeds    []*seed
	asked    []*asking // in the order of their ids
	nextLink int
	servers  map[quorum.SID]*server
	heard    time.Time // when a server of the ensemble last answered; zero: never
	verdict  verdict
	out      output
}

// seed is a target without a sid.
type seed struct {
	address string
	member  quorum.SID // NoSID: not identified
	wild    bool       // member was told by what it calls itself, and not by the address
	several bool       // it leads to more than one server: it is nobody's address
	Seed
}

// asking is a link as the core sees it.
type asking struct {
	id        int
	sid       quorum.SID // NoSID: that of seed is not known
	seed      *seed      // nil: made for a server
	addresses []string

	// What its last answer said of the configuration.
	text    string
	said    *quorum.View // nil: nothing of use
	problem string
}

// server is a member, or a target with a sid.
type server struct {
	Server
	said  *quorum.View // what it holds to be the configuration; nil: unknown
	stray bool         // it answers for another ensemble
	tried bool
	ended bool // it is known not to run: nobody listens, or it ended a connection on which it had spoken
	story story
}

// output is what the driver must do after a step.
type output struct {
	stop    []int  // links to end
	links   []want // links to begin, or to tell of their new sid or addresses
	events  []told
	status  Status
	changed bool // somebody's state or the verdict
}

type want struct {
	id        int
	sid       quorum.SID
	addresses []string
}

type told struct {
	node     quorum.SID
	election uint64 // number of the server's; 0 for the watcher's events
	event    event.Event
}

func newCore(self quorum.SID, targets []Target, view *quorum.View) *core {
	c := &core{self: self, view: view, pinned: map[quorum.SID]string{}, servers: map[quorum.SID]*server{},
		verdict: verdict{lookers: quorum.MinEpoch, unseen: quorum.NoSID}}
	for _, t := range targets {
		if t.SID != quorum.NoSID {
			c.pinned[t.SID] = t.Address
			continue
		}
		c.seeds = append(c.seeds, &seed{address: t.Address, member: quorum.NoSID, Seed: Seed{Address: t.Address}})
	}
	return c
}

// start says whom to ask first.
func (c *core) start(now time.Time) output {
	c.now = now
	if c.view != nil {
		c.adopt(c.view, quorum.NoSID)
	}
	return c.finish()
}

// step applies one report.
func (c *core) step(r report) output {
	if r.at.After(c.now) {
		c.now = r.at
	}
	a := c.link(r.link)
	switch {
	case a == nil:
	case r.answer != nil:
		c.answered(a, r)
	default:
		c.failed(a, r.failed)
	}
	return c.finish()
}

// inform enters what a client port said. It changes no verdict.
func (c *core) inform(r informed) output {
	if r.at.After(c.now) {
		c.now = r.at
	}
	if s := c.servers[r.sid]; s != nil {
		s.Client = r.info
	}
	return c.finish()
}

// finish draws the conclusions of what was noted and takes the output.
func (c *core) finish() output {
	c.adoptFromServers()
	c.reconcile()
	c.judge()
	c.crown()
	out := c.out
	c.out = output{}
	out.status = c.status()
	return out
}

func (c *core) link(id int) *asking {
	for _, a := range c.asked {
		if a.id == id {
			return a
		}
	}
	return nil
}

// probe is r as Options.OnProbe gets it.
func (c *core) probe(r report) Probe {
	p := Probe{Server: quorum.NoSID, Address: r.address, At: r.at, Took: r.took}
	if a := c.link(r.link); a != nil {
		p.Server = a.sid
	}
	if r.failed != nil {
		p.Failure, p.Detail = r.failed.reason, r.failed.err.Error()
	} else if s := c.servers[p.Server]; s != nil && s.stray {
		p.Failure, p.Took, p.Detail = FailOtherEnsemble, 0, s.FailureDetail
	}
	return p
}

func (c *core) tell(node quorum.SID, e event.Event) {
	c.out.events = append(c.out.events, told{node, 0, e})
}

// answered notes what the server behind a said.
func (c *core) answered(a *asking, r report) {
	a.read(string(r.answer.Text))
	if a.sid == quorum.NoSID {
		c.discover(a)
	}
	s := c.servers[a.sid]
	outcome := event.ReceivedFromNonVoter
	if c.view != nil && c.view.IsVoter(a.sid) {
		outcome = event.ReceivedCounted
	}
	detail := ""
	switch other := c.mistaken(a, r.address); {
	case s == nil:
	case other != quorum.NoSID:
		outcome = event.ReceivedIgnored
		detail = fmt.Sprintf("server %d answers at %s, too: the name leads to several servers; SID=HOST:PORT says where each is", other, r.address)
		c.release(a, r.address)
	case c.foreign(a):
		outcome = event.ReceivedIgnored
		detail = fmt.Sprintf("%s is a server of another ensemble: %s", r.address, a.said)
		if sameElectorate(a.said, c.view) {
			detail += "; its servers have the same ids, but none has an address that is known here: are the hosts spelled as in the servers' own configuration?"
		}
	}
	c.tell(c.self, received(a.sid, r.answer, outcome, a.version()))
	switch {
	case s == nil:
		return
	case detail != "":
		s.stray = true
		c.down(s, &failure{reason: FailOtherEnsemble, err: errors.New(detail)})
		return
	}
	c.note(s, a, r)
}

// note enters an answer of a server of this ensemble.
func (c *core) note(s *server, a *asking, r report) {
	n := r.answer
	if !s.Up {
		s.Up, s.Since, c.out.changed = true, c.now, true
	}
	c.relate(s, n)
	if n.State == quorum.Looking {
		c.verdict.lookers = max(c.verdict.lookers, n.Vote.PeerEpoch)
	}
	if !s.Known || s.State != n.State || s.Vote != n.Vote || s.Round != n.Round {
		c.out.changed = true
	}
	s.stray, s.tried, s.Known = false, true, true
	s.State, s.Vote, s.Round, s.Electnode = n.State, n.Vote, n.Round, n.MessageID != 0
	s.LastAnswer, s.Latency = c.now, r.took
	s.Answers++
	c.heard = c.now
	if a.said != nil && (s.said == nil || !a.said.Equal(s.said)) && c.view != nil && !sameElectorate(a.said, c.view) {
		c.tell(c.self, event.ConfigSeen{Peer: s.SID, Version: a.said.Version()})
	}
	s.said, s.ConfigKnown, s.ConfigVersion, s.ConfigProblem = a.said, a.said != nil, a.version(), a.problem
}

// failed notes that the server behind a was not reached or did not answer.
func (c *core) failed(a *asking, f *failure) {
	if s := c.servers[a.sid]; s != nil {
		c.down(s, f)
	}
	if a.seed != nil {
		a.seed.Reason, a.seed.Problem = f.reason, f.err.Error()
	}
	if f.reason == FailMalformed {
		c.tell(c.self, &event.NotificationReceived{Peer: a.sid, Outcome: event.ReceivedMalformed, Detail: f.err.Error()})
	}
}

// down notes a failure of s.
func (c *core) down(s *server, f *failure) {
	if s.Up || !s.tried {
		s.Since, c.out.changed = c.now, true
	}
	s.Up, s.tried = false, true
	s.ended = f.reason == FailRefused || f.reason == FailClosed && !f.mute
	if f.reason == FailRefused {
		c.closes(s, "out of sight: "+f.err.Error())
	}
	s.LastFailure, s.FailureDetail, s.FailedAt = f.reason, f.err.Error(), c.now
	s.Failures[f.reason]++
}

// read takes in the configuration text of an answer; one that was read before is not read again.
func (a *asking) read(text string) {
	if text == a.text && (a.said != nil || a.problem != "") {
		return
	}
	a.text, a.said, a.problem = text, nil, ""
	if len(text) > maxText {
		a.text, a.problem = "", fmt.Sprintf("a configuration text of %d bytes is not read", len(text))
		return
	}
	if strings.TrimSpace(text) == "" {
		a.problem = "the answer has no configuration: the server is older than 3.5"
		return
	}
	v, err := quorum.ParseText(text, quorum.ParseOptions{})
	switch {
	case err != nil:
		a.problem = err.Error()
	case len(v.Members()) > maxServers:
		a.problem = fmt.Sprintf("%d servers, the limit is %d", len(v.Members()), maxServers)
	default:
		a.said = v
	}
}

func (a *asking) version() quorum.Version {
	if a.said == nil {
		return 0
	}
	return a.said.Version()
}

func received(sid quorum.SID, n *fle.Notification, outcome event.ReceiveOutcome, v quorum.Version) *event.NotificationReceived {
	e := &event.NotificationReceived{Peer: sid, MessageID: n.MessageID, Outcome: outcome,
		Notification: event.Notification{State: n.State, Vote: n.Vote, Round: n.Round, ConfigVersion: v}}
	if n.MessageID != 0 {
		e.SentAt, e.ElectionAt = time.Unix(0, n.SentAt), time.Unix(0, n.ElectionAt)
	}
	return e
}
