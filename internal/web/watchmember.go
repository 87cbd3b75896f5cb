package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"electnode/internal/quorum"
	"electnode/internal/recorder"
	"electnode/internal/watch"
)

// watchedMember is one server of a foreign ensemble, as its watcher sees it.
type watchedMember struct {
	watched Watched
	sid     quorum.SID
}

// Address implements Member: it is not asked by HTTP.
func (watchedMember) Address() string { return "" }

// SID implements Named.
func (m watchedMember) SID() *quorum.SID { return &m.sid }

// Status implements Member.
func (m watchedMember) Status(context.Context) (Status, error) {
	s := m.watched.Status()
	o, ok := s.Server(m.sid)
	if !ok {
		return Status{}, errors.New("it is in no configuration any more")
	}
	return seenStatus(s, o)
}

// Elections implements Member.
func (m watchedMember) Elections(context.Context) ([]recorder.Summary, error) {
	if h := m.watched.Histories()[m.sid]; h != nil {
		return h.Elections(), nil
	}
	return nil, nil
}

// Election implements Member.
func (m watchedMember) Election(ctx context.Context, id string) ([][]byte, error) {
	if h := m.watched.Histories()[m.sid]; h != nil {
		return Local{History: h}.Election(ctx, id)
	}
	return nil, fmt.Errorf("%w: %.20q", ErrNoElection, id)
}

// seenStatus is what can be told from outside of a server in the form in which a node tells it of itself: what
// cannot be known is left out. A server that is out of sight is an error.
func seenStatus(s watch.Status, o watch.Server) (Status, error) {
	if !o.Up {
		if o.LastFailure == "" {
			return Status{}, errors.New("not asked yet")
		}
		return Status{}, fmt.Errorf("%s: %s", o.LastFailure, cmp.Or(o.FailureDetail, "no detail"))
	}
	out := Status{outside: true, SID: o.SID, Role: o.Role.String(), State: o.State.String(), Round: o.Round.String(),
		Vote: *newVote(o.Vote), Since: o.Since.UTC(), Leaderless: s.LeaderlessTotal.Seconds(), Peers: []PeerStatus{}}
	if o.Client != nil && o.Client.ZxidKnown {
		out.Zxid = o.Client.Zxid.String()
	}
	if s.View != nil {
		out.Ensemble = s.View.EnsembleID()
	}
	if o.ConfigKnown {
		out.ConfigVersion = o.ConfigVersion.String()
	}
	if o.State != quorum.Looking {
		out.Leader = new(o.Vote.Leader)
	}
	if follows(s, o) {
		// Elected; that it is established as well, a moment later, cannot be seen from outside.
		out.Established, out.EstablishedSince, out.CurrentEpoch = true, new(s.Since.UTC()), s.Epoch.String()
		if o.SID == s.Leader {
			out.FailureTolerance = seenTolerance(s)
		}
	}
	return out, nil
}
