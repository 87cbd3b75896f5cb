package traceid

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// Patience is how long after its start an election may wait for its final trace. What is shown of a longer
// one before its leader is established stands under its provisional id.
const Patience = time.Second

// Kind says which of the three traces an id is.
type Kind uint8

// Kinds of traces.
const (
	KindUnfinished Kind = iota // no established leader, or not yet
	KindElection               // the node took part in establishing the epoch
	KindJoining                // the node joined a leader that was established before
)

// Tracker follows the events of one node and tells the trace of its elections. One goroutine uses it.
type Tracker struct {
	ensemble string
	running  Info
	joined   quorum.Epoch // of the decision, when settled servers proved their leader
	lost     *Loss
}

// Info is what is known of the running or last election.
type Info struct {
	Number   uint64 // as in event.Stamped; 0: there was none yet
	Node     quorum.SID
	Start    time.Time // as the notifications tell it
	Ensemble string    // the id of the configuration
	Kind     Kind
	Epoch    quorum.Epoch // established; 0 for KindUnfinished
	Leader   quorum.SID   // established
	Cause    *Loss        // the loss of a leader that the election followed; nil: there was none
	Before   Trace        // of the election before, if that one came to no established leader
}

// Loss is the end of an established leader as one node saw it.
type Loss struct {
	Trace  Trace
	Node   quorum.SID
	Leader quorum.SID
	Epoch  quorum.Epoch
	Reason string
	At     time.Time
}

// Trace is the id of the trace that the election belongs to, as far as is known.
func (i Info) Trace() Trace {
	switch i.Kind {
	case KindElection:
		return Election(i.Ensemble, i.Epoch)
	case KindJoining:
		return Joining(i.Ensemble, i.Epoch, i.Node, i.Start)
	default:
		if i.Number == 0 {
			return Trace{}
		}
		return i.Provisional()
	}
}

// Provisional is the id of the trace of what was shown before the election had another.
func (i Info) Provisional() Trace { return Unfinished(i.Ensemble, i.Node, i.Start) }

// Observe takes the next event of the node and returns what is known of its election then.
func (t *Tracker) Observe(s event.Stamped) Info {
	switch ev := s.Event.(type) {
	case event.NodeStarted:
		*t = Tracker{}
		t.view(ev.View)
	case event.ConfigSeen:
		t.view(ev.View)
	case event.ElectionStarted:
		next := Info{Number: s.Election, Node: s.Node, Start: ev.At, Ensemble: t.ensemble, Cause: t.lost}
		if t.running.Kind == KindUnfinished {
			next.Before = t.running.Trace()
		}
		t.running = next
		t.joined, t.lost = 0, nil
	case event.ElectionDecided:
		t.joined = 0
		if ev.How == event.HowJoined {
			t.joined = ev.Vote.PeerEpoch
		}
	case event.LeaderEstablished:
		t.running.Ensemble = t.ensemble
		t.running.Epoch, t.running.Leader, t.running.Kind = ev.Epoch, ev.Leader, KindElection
		if t.joined == ev.Epoch && ev.Leader != s.Node {
			t.running.Kind = KindJoining
		}
	case event.LeaderLost:
		t.lost = &Loss{Trace: t.running.Trace(), Node: s.Node, Leader: ev.Leader, Epoch: ev.Epoch, Reason: ev.Reason,
			At: s.Time}
	}
	return t.running
}

// Info is what is known of the running or last election.
func (t *Tracker) Info() Info { return t.running }

func (t *Tracker) view(v *quorum.View) {
	if v != nil {
		t.ensemble = v.EnsembleID()
	}
}
