package web

import (
	"encoding/json"
	"strconv"
	"time"

	"electnode/internal/node"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
)

// Status is the body of /api/v1/status. Values that may pass 2^53 are strings.
type Status struct {
	Ensemble      string      `json:"ensemble"`
	SID           quorum.SID  `json:"sid"`
	Role          string      `json:"role"`
	State         string      `json:"state"`
	Leader        *quorum.SID `json:"leader"` // null while LOOKING
	Established   bool        `json:"established"`
	Round         string      `json:"round"`
	AcceptedEpoch string      `json:"accepted_epoch"`
	CurrentEpoch  string      `json:"current_epoch"`
	Zxid          string      `json:"zxid"`
	Vote          VoteStatus  `json:"vote"`
	Since         time.Time   `json:"since"`
	Leaderless    float64     `json:"leaderless_seconds_total"`
	ConfigVersion string      `json:"config_version"`
	// FailureTolerance is how many more voters the ensemble may lose, whichever they are: the established
	// leader knows, for the others it is null.
	FailureTolerance *int         `json:"failure_tolerance"`
	EstablishedSince *time.Time   `json:"established_since"` // null without an established leader
	Peers            []PeerStatus `json:"peers"`

	outside bool // told by a watcher: what is empty is unknown
}

// MarshalJSON writes null for what a watcher cannot know.
func (s Status) MarshalJSON() ([]byte, error) {
	type plain Status
	if !s.outside {
		return json.Marshal(plain(s))
	}
	return json.Marshal(struct {
		plain
		AcceptedEpoch *string `json:"accepted_epoch"`
		CurrentEpoch  *string `json:"current_epoch"`
		Zxid          *string `json:"zxid"`
		ConfigVersion *string `json:"config_version"`
	}{plain(s), known(s.AcceptedEpoch), known(s.CurrentEpoch), known(s.Zxid), known(s.ConfigVersion)})
}

// known is nil for what is empty.
func known(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// VoteStatus is a vote.
type VoteStatus struct {
	Leader    quorum.SID `json:"leader"`
	Zxid      string     `json:"zxid"`
	PeerEpoch string     `json:"peer_epoch"`
}

// PeerStatus is what a node knows of another member. State, leader and round are what the peer said last;
// null before it said anything.
type PeerStatus struct {
	SID         quorum.SID  `json:"sid"`
	Connected   bool        `json:"connected"`
	DialledByUs bool        `json:"dialled_by_us"`
	Since       *time.Time  `json:"since"`
	State       *string     `json:"state"`
	Leader      *quorum.SID `json:"leader"`
	Round       *string     `json:"round"`
}

// NewStatus makes the body of a node's state. The zxid is that of the established epoch, counter 0: a
// node without data has no other.
func NewStatus(s node.Status) Status {
	out := Status{
		Ensemble: s.View.EnsembleID(), SID: s.SID, Role: s.Role.String(), State: s.State.String(),
		Established: s.Established.Epoch > 0, Round: s.Election.Round.String(),
		AcceptedEpoch: s.Epochs.Accepted.String(), CurrentEpoch: s.Epochs.Current.String(),
		Zxid: zxid(s).String(), Since: s.Since.UTC(), Leaderless: s.Leaderless.Seconds(),
		ConfigVersion: s.View.Version().String(), Peers: []PeerStatus{},
	}
	if out.Established {
		since := s.EstablishedSince.UTC()
		out.EstablishedSince, out.FailureTolerance = &since, tolerance(s)
	}
	vote := s.Election.Current
	if s.State == quorum.Looking {
		vote = s.Election.Proposal
	} else {
		out.Leader = &vote.Leader
	}
	out.Vote = VoteStatus{Leader: vote.Leader, Zxid: vote.Zxid.String(), PeerEpoch: vote.PeerEpoch.String()}
	for _, m := range s.View.Members() {
		if m.SID != s.SID {
			out.Peers = append(out.Peers, newPeer(s, m.SID))
		}
	}
	return out
}

// tolerance is that of the ensemble whose established leader s is; nil if it is not.
func tolerance(s node.Status) *int {
	if s.State != quorum.Leading {
		return nil
	}
	present := quorum.Set{}
	present.Add(s.SID)
	for _, l := range s.Zab.Learners {
		if l.Live && !l.Observer {
			present.Add(l.SID)
		}
	}
	n := s.View.Tolerance(present.Has)
	return &n
}

// zxid is what a node without data stands at: the start of the epoch that it last acknowledged.
func zxid(s node.Status) quorum.Zxid {
	if s.Established.Epoch > 0 {
		return quorum.MakeZxid(s.Established.Epoch, 0)
	}
	return s.LastZxid
}

func newPeer(s node.Status, sid quorum.SID) PeerStatus {
	p := PeerStatus{SID: sid}
	if l, ok := linkOf(s.Links, sid); ok && l.Connected {
		since := l.Since.UTC()
		p.Connected, p.DialledByUs, p.Since = true, l.DialledByUs, &since
	}
	for _, heard := range s.Election.Peers {
		if heard.SID == sid && !heard.At.IsZero() {
			state, round := heard.Said.State.String(), strconv.FormatInt(int64(heard.Said.Round), 10)
			p.State, p.Round, p.Leader = &state, &round, &heard.Said.Vote.Leader
		}
	}
	return p
}

func linkOf(links []qcm.LinkStatus, sid quorum.SID) (qcm.LinkStatus, bool) {
	for _, l := range links {
		if l.Peer == sid {
			return l, true
		}
	}
	return qcm.LinkStatus{}, false
}
