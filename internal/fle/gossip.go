package fle

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

const (
	// maxTexts bounds how many strangers' last configuration texts are remembered, the newest; members' all are.
	maxTexts = 256
	// maxStrangerText is the longest configuration text of a stranger that is read, in bytes: nobody adopts it, and
	// to read a long one takes milliseconds that the election needs. A hundred servers take less.
	// Differs from ZooKeeper, which reads every text.
	maxStrangerText = 8 << 10
)

// seenText is the last configuration text of a sender that was not this server's own.
type seenText struct {
	text []byte
	view *quorum.View // nil: not usable
	err  string
}

// gossip reads the configuration that in carries: its version, and whether it was adopted, in which case
// the message is spent. A text that cannot be used is reported once and otherwise as good as none.
// Rule: the head of WorkerReceiver. Differs from ZooKeeper: a newer configuration is taken from members
// only, and without reconfigEnabled it disturbs nothing.
func (e *Election) gossip(now time.Time, in *received) (quorum.Version, bool) {
	if in.Form != FormCurrent {
		return 0, false
	}
	own := e.views.committed
	if string(in.Text) == own.Text() || string(in.Text) == harmlessText {
		return own.Version(), false
	}
	seen, isNew := e.lookUp(in)
	if seen.view == nil {
		if isNew {
			e.emit(event.ConfigSeen{Peer: in.peer, Detail: seen.err})
		}
		return 0, false
	}
	version := seen.view.Version()
	if version <= own.Version() {
		if isNew && version < own.Version() {
			e.emit(event.ConfigSeen{Peer: in.peer, Version: version, Detail: "older than this server's"})
		}
		return version, false
	}
	if why := e.whyNotAdopt(in.peer, seen.view); why != "" {
		if isNew {
			e.emit(event.ConfigSeen{Peer: in.peer, Version: version, Detail: why})
		}
		return version, false
	}
	e.emit(event.ConfigSeen{Peer: in.peer, Version: version, Adopted: true, View: seen.view})
	return version, e.adopt(now, seen.view)
}

// lookUp parses the text of in, or finds it parsed already.
func (e *Election) lookUp(in *received) (seenText, bool) {
	if s, ok := e.texts[in.peer]; ok && bytes.Equal(s.text, in.Text) {
		return s, false
	}
	member := e.views.isMember(in.peer)
	if !member && len(in.Text) > maxStrangerText {
		s := seenText{err: fmt.Sprintf("%d bytes of a stranger are not read", len(in.Text))}
		last, told := e.texts[in.peer]
		e.remember(in.peer, s, member)
		return s, !told || last.err != s.err
	}
	s := seenText{text: bytes.Clone(in.Text)}
	view, err := quorum.ParseText(string(in.Text), e.opt.Parse)
	if err != nil {
		s.err = err.Error()
	} else {
		s.view = view
	}
	e.remember(in.peer, s, member)
	return s, true
}

// remember keeps the last text of a sender. Of strangers too many the one that came first is forgotten.
func (e *Election) remember(peer quorum.SID, s seenText, member bool) {
	if _, known := e.texts[peer]; !known && !member {
		if len(e.strangers) >= maxTexts {
			if old := e.strangers[0]; !e.views.isMember(old) {
				delete(e.texts, old)
			}
			e.strangers = slices.Delete(e.strangers, 0, 1)
		}
		e.strangers = append(e.strangers, peer)
	}
	e.texts[peer] = s
}

// whyNotAdopt is the reason for not taking over a newer configuration; empty: there is none.
// Differs from ZooKeeper, which takes one without voters over as well, and never has a leader again.
func (e *Election) whyNotAdopt(peer quorum.SID, view *quorum.View) string {
	switch {
	case len(view.Voters()) == 0:
		return "newer, but without voters"
	case e.state != quorum.Looking:
		return "newer, but this server is settled"
	case !e.opt.Reconfig:
		return "newer, but reconfigEnabled is false"
	case !e.views.isMember(peer):
		return "newer, but its sender is no member"
	default:
		return ""
	}
}

// adopt makes view the committed configuration. If it changes who votes or where, the election begins
// again from round 0 and the message is spent (true). Rule: QuorumPeer.processReconfig and
// FastLeaderElection.leaveInstance.
func (e *Election) adopt(now time.Time, view *quorum.View) bool {
	old := e.views.committed
	lastSeen := e.views.lastSeen
	e.setViews(view, lastSeen)
	e.out.Adopted = view
	if sameEnsemble(old, view) {
		return false
	}
	e.emit(event.ElectionAborted{Reason: event.ReasonConfigChange})
	e.round = 0
	e.begin(now, event.ReasonConfigChange)
	return true
}

// sameEnsemble reports whether two configurations differ in nothing that an election could notice.
// Differs from ZooKeeper: client addresses are not compared, since the own one usually stands in zoo.cfg
// alone and every newer configuration would then seem different.
func sameEnsemble(a, b *quorum.View) bool {
	same := slices.EqualFunc(a.Members(), b.Members(), func(x, y quorum.Member) bool {
		return x.SID == y.SID && x.Role == y.Role && slices.Equal(x.Addresses, y.Addresses)
	})
	return same && sameGroups(a, b)
}

func sameGroups(a, b *quorum.View) bool {
	ga, gb := a.Groups(), b.Groups()
	if a.Hierarchical() != b.Hierarchical() || len(ga) != len(gb) {
		return false
	}
	for g, members := range ga {
		x, y := slices.Sorted(slices.Values(members)), slices.Sorted(slices.Values(gb[g]))
		if !slices.Equal(x, y) {
			return false
		}
	}
	for sid, w := range a.Weights() {
		if b.Weight(sid) != w {
			return false
		}
	}
	return true
}
