package watch

import (
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/quorumtls"
)

const (
	// minInterval is the shortest time between two questions to one server.
	minInterval = 50 * time.Millisecond
	// maxServers is how many servers of one ensemble are watched: what a hostile text can make a watcher dial.
	maxServers = 64
	// maxAddresses is how many addresses of one server, and of one name, are dialled.
	maxAddresses = 8
)

// Options is what a watcher needs to know. Zero values mean the defaults in brackets.
type Options struct {
	// Targets are where to begin; one that can be reached is enough. The same server may be given twice.
	Targets []Target
	// View is the ensemble as its zoo.cfg tells it; its members are targets. Nil: it is learnt from answers.
	View *quorum.View
	// SID is who asks: larger than every server's, the same for ever (a server remembers each that it ever
	// saw), and no other watcher's of the same ensemble. SIDFor makes one.
	SID quorum.SID

	Interval time.Duration // between two questions to one server, at least 50 ms [250 ms]
	Jitter   float64       // the part of Interval by which it varies at random, 0 to 0.5 [0.1]; negative: none

	AnswerTimeout  time.Duration // a server that has not answered by then is out of sight [1 s]
	ConnectTimeout time.Duration // for one address, and for one name [2 s]

	// Enrich also asks each server that answers at its client port, if the configuration in force tells that:
	// srvr and mntr, every 5 s, one server at a time, 1 s for each, 64 KiB at most.
	Enrich bool

	Network qcm.Network // nothing listens; quorumtls makes one with TLS [TCP]
	// ClientNetwork is how client ports are dialled [Network, without its TLS].
	ClientNetwork qcm.Network
	// Sink gets the events. Those of connections and questions have the watcher's sid as node, and so have
	// ConfigSeen and the LeaderEstablished and LeaderLost of the verdict. What is seen of a server is told as if
	// it were a node, with its sid: NodeStarted with its first answer, StateChanged, ElectionStarted,
	// RoundChanged, VoteChanged, ElectionDecided, ElectionAborted, LeaderEstablished and LeaderLost as it sees
	// them, ConfigSeen when the configuration in force changes, NodeStopped when it leaves that. Each happened at
	// some time since the answer before; what nobody can see is empty: How of a decision, Peer of a vote. [none]
	Sink event.Sink
	// OnProbe is called after each question, by Run's goroutine: it must not wait. [none]
	OnProbe func(Probe)
	// OnChange is called by Run's goroutine whenever the verdict or a server's state changed. It must not
	// wait. [none]
	OnChange func(Status)
}

// Probe is the outcome of one question or of one vain dial.
type Probe struct {
	Server  quorum.SID // NoSID while unknown
	Address string     // host:port as configured
	At      time.Time
	Took    time.Duration // from question to answer; 0 for a failure
	Failure Reason        // empty: answered
	Detail  string        // of the failure
}

// SIDFor makes the sid of a watcher from a name that nobody else has and that never changes, its host's and
// its ensemble's for example: 2^62 to 2^62+2^61-1, above all that people configure.
func SIDFor(name string) quorum.SID {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash does not fail
	return quorum.SID(1<<62 | h.Sum64()>>3)
}

// withDefaults fills in the defaults and names every problem of o at once.
func (o Options) withDefaults() (Options, error) {
	var errs []error
	if len(o.Targets) == 0 && o.View == nil {
		errs = append(errs, errors.New("no target: one election port is needed to begin with"))
	}
	given := o.Targets
	o.Targets = make([]Target, 0, len(given))
	for _, t := range given {
		parsed, err := ParseTarget(t.String())
		if err != nil {
			errs = append(errs, err)
		}
		o.Targets = append(o.Targets, parsed)
	}
	errs = append(errs, o.checkSIDs())
	if len(o.Targets) > maxServers {
		errs = append(errs, fmt.Errorf("%d targets, the limit is %d", len(o.Targets), maxServers))
	}
	if o.SID <= 0 || o.SID == quorum.AnonymousSID {
		errs = append(errs, fmt.Errorf("sid %d: a watcher needs one above every server's and below 2^63-1", o.SID))
	}
	for _, d := range []struct {
		name      string
		value     *time.Duration
		byDefault time.Duration
		least     time.Duration
	}{
		{"interval", &o.Interval, 250 * time.Millisecond, minInterval},
		{"answer timeout", &o.AnswerTimeout, time.Second, minInterval},
		{"connect timeout", &o.ConnectTimeout, 2 * time.Second, minInterval},
	} {
		if *d.value == 0 {
			*d.value = d.byDefault
		}
		if *d.value < d.least {
			errs = append(errs, fmt.Errorf("%s %s is below %s", d.name, *d.value, d.least))
		}
	}
	switch {
	case o.Jitter == 0:
		o.Jitter = 0.1
	case o.Jitter < 0:
		o.Jitter = 0
	case !(o.Jitter <= 0.5):
		errs = append(errs, fmt.Errorf("jitter %g is not within 0 and 0.5", o.Jitter))
	}
	o.fillIn()
	return o, errors.Join(errs...)
}

// checkSIDs refuses a watcher that servers would take for one of them, and one server at two addresses: one of them would
// be asked in vain.
func (o Options) checkSIDs() error {
	var errs []error
	at := map[quorum.SID]string{}
	for _, t := range o.Targets {
		if other, twice := at[t.SID]; twice && t.SID != quorum.NoSID && other != t.Address {
			errs = append(errs, fmt.Errorf("target %s: server %d is at %s already", t, t.SID, other))
		}
		at[t.SID] = t.Address
		if t.SID == o.SID && o.SID > 0 {
			errs = append(errs, fmt.Errorf("target %s: sid %d is the watcher's own", t, o.SID))
		}
	}
	if o.View != nil {
		if _, member := o.View.Member(o.SID); member {
			errs = append(errs, fmt.Errorf("sid %d is that of a server in the configuration: the others would take the watcher for it", o.SID))
		}
	}
	return errors.Join(errs...)
}

// fillIn puts something harmless where nothing was given.
func (o *Options) fillIn() {
	if o.Network == nil {
		o.Network = qcm.TCP{KeepAlive: true}
	}
	if o.ClientNetwork == nil {
		o.ClientNetwork = quorumtls.Plain(o.Network)
	}
	if o.Sink == nil {
		o.Sink = event.FanOut{}
	}
	if o.OnProbe == nil {
		o.OnProbe = func(Probe) {}
	}
	if o.OnChange == nil {
		o.OnChange = func(Status) {}
	}
}
