package web

import (
	"strconv"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/watch"
)

// WatchList is the body of /api/v1/watch: what is known of every watched ensemble.
type WatchList struct {
	Ensembles []WatchStatus `json:"ensembles"`
}

// WatchStatus is what a watcher knows of its ensemble: watch.Status, as JSON. Values that may pass 2^53 are strings,
// times are null where there is none.
type WatchStatus struct {
	Name       string      `json:"name"`
	Ready      bool        `json:"ready"`  // neither blind nor unknown
	Reason     string      `json:"reason"` // of Ready, in words
	WatcherSID string      `json:"watcher_sid"`
	Interval   float64     `json:"interval_seconds"`
	Enriched   bool        `json:"enriched"` // client ports are asked, too
	At         time.Time   `json:"at"`       // of this answer
	Discovered bool        `json:"discovered"`
	Ensemble   string      `json:"ensemble"` // the id of the configuration, empty before Discovered
	HasLeader  bool        `json:"has_leader"`
	EverLed    bool        `json:"ever_led"`
	Leader     *quorum.SID `json:"leader"` // the present one or, without one, the last; null: there was none yet
	Epoch      *string     `json:"epoch"`
	Since      *time.Time  `json:"since"` // of HasLeader being what it is

	Leaderless      bool         `json:"leaderless"`
	LeaderlessSince *time.Time   `json:"leaderless_since"`
	LeaderlessTotal float64      `json:"leaderless_seconds_total"`
	LeaderChanges   uint64       `json:"leader_changes_total"`
	Conflicting     []quorum.SID `json:"conflicting_leaders"`
	Blind           bool         `json:"blind"`
	// FailureTolerance is how many more voters of those that are seen to follow the leader may be lost; null
	// without a leader.
	FailureTolerance *int         `json:"failure_tolerance"`
	ConfigVersion    *string      `json:"config_version"`
	Voters           []quorum.SID `json:"voters"`
	Observers        []quorum.SID `json:"observers"`

	Servers []WatchedServer `json:"servers"`
	Seeds   []WatchedSeed   `json:"seeds"`
}

// WatchedServer is watch.Server as JSON. What it said stays when it is out of sight, and is null before it said
// anything.
type WatchedServer struct {
	SID       quorum.SID `json:"sid"`
	Role      string     `json:"role"`
	Weight    int64      `json:"weight"`
	Group     int64      `json:"group"`
	Addresses []string   `json:"addresses"`

	Up            bool        `json:"up"`
	Since         *time.Time  `json:"since"` // of Up being what it is
	State         *string     `json:"state"`
	Vote          *VoteStatus `json:"vote"`
	Round         *string     `json:"round"`
	ConfigVersion *string     `json:"config_version"`
	ConfigProblem string      `json:"config_problem"` // why ConfigVersion is null
	Electnode     bool        `json:"electnode"`
	Stale         bool        `json:"stale"`
	LastAnswer    *time.Time  `json:"last_answer"`
	Latency       *float64    `json:"latency_seconds"`

	Answers       uint64            `json:"answers_total"`
	Failures      map[string]uint64 `json:"failures_total"` // by reason
	LastFailure   string            `json:"last_failure"`   // reason; empty: none
	FailureDetail string            `json:"failure_detail"`
	FailedAt      *time.Time        `json:"failed_at"`

	ClientAddress string         `json:"client_address"` // its client port; empty: the configuration does not tell
	Client        *WatchedClient `json:"client"`         // null: not asked
}

// WatchedClient is watch.ClientInfo as JSON: what a server said at its client port last. What it did not say is null.
type WatchedClient struct {
	Address         string    `json:"address"`
	At              time.Time `json:"at"`
	Version         string    `json:"version"`
	Mode            string    `json:"mode"` // empty while it does not serve
	Zxid            *string   `json:"zxid"`
	Followers       *int      `json:"followers"`
	SyncedFollowers *int      `json:"synced_followers"`
	ElectionTime    *float64  `json:"election_time_seconds"` // mean of its elections since its start
	Problem         string    `json:"problem"`               // why something is missing; empty: nothing is
}

// WatchedSeed is watch.Seed as JSON.
type WatchedSeed struct {
	Address string `json:"address"`
	Asked   bool   `json:"asked"`
	Reason  string `json:"reason"`
	Problem string `json:"problem"`
}

// NewWatchStatus makes the JSON of what w's watcher knows now.
func NewWatchStatus(w Watched) WatchStatus {
	s := w.Status()
	out := WatchStatus{Name: w.Name, WatcherSID: w.SID.String(), Interval: w.Interval.Seconds(), Enriched: w.Enriched,
		At: s.At.UTC(), Discovered: s.View != nil, HasLeader: s.HasLeader, EverLed: s.EverLed,
		Since: instant(s.Since), Leaderless: s.Leaderless, LeaderlessSince: instant(s.LeaderlessSince),
		LeaderlessTotal: s.LeaderlessTotal.Seconds(), LeaderChanges: s.LeaderChanges,
		Conflicting: append([]quorum.SID{}, s.Conflicting...), Blind: s.Blind, FailureTolerance: seenTolerance(s),
		Voters: []quorum.SID{}, Observers: []quorum.SID{}, Servers: []WatchedServer{}, Seeds: []WatchedSeed{}}
	out.Ready, out.Reason = sight(s)
	if s.EverLed {
		out.Leader, out.Epoch = new(s.Leader), new(s.Epoch.String())
	}
	if s.View != nil {
		out.Ensemble, out.ConfigVersion = s.View.EnsembleID(), new(s.View.Version().String())
		out.Voters = append(out.Voters, s.View.Voters()...)
		out.Observers = append(out.Observers, s.View.Observers()...)
	}
	for _, o := range s.Servers {
		out.Servers = append(out.Servers, newWatchedServer(o))
	}
	for _, d := range s.Seeds {
		out.Seeds = append(out.Seeds, WatchedSeed{d.Address, d.Asked, string(d.Reason), d.Problem})
	}
	return out
}

func newWatchedServer(o watch.Server) WatchedServer {
	out := WatchedServer{SID: o.SID, Role: o.Role.String(), Weight: o.Weight, Group: o.Group,
		Addresses: append([]string{}, o.Addresses...), Up: o.Up, Since: instant(o.Since),
		ConfigProblem: o.ConfigProblem, Electnode: o.Electnode, Stale: o.Stale, LastAnswer: instant(o.LastAnswer),
		Answers: o.Answers, Failures: map[string]uint64{}, LastFailure: string(o.LastFailure),
		FailureDetail: o.FailureDetail, FailedAt: instant(o.FailedAt), ClientAddress: o.ClientAddress,
		Client: newWatchedClient(o.Client)}
	for reason, n := range o.Failures {
		out.Failures[string(reason)] = n
	}
	if o.Known {
		out.State, out.Round = new(o.State.String()), new(strconv.FormatInt(int64(o.Round), 10))
		out.Vote, out.Latency = newVote(o.Vote), new(o.Latency.Seconds())
	}
	if o.ConfigKnown {
		out.ConfigVersion = new(o.ConfigVersion.String())
	}
	return out
}

func newWatchedClient(c *watch.ClientInfo) *WatchedClient {
	if c == nil {
		return nil
	}
	out := &WatchedClient{Address: c.Address, At: c.At.UTC(), Version: c.Version, Mode: c.Mode, Problem: c.Problem}
	if c.ZxidKnown {
		out.Zxid = new(c.Zxid.String())
	}
	if c.Followers >= 0 {
		out.Followers = &c.Followers
	}
	if c.SyncedFollowers >= 0 {
		out.SyncedFollowers = &c.SyncedFollowers
	}
	if c.ElectionTime >= 0 {
		out.ElectionTime = new(c.ElectionTime.Seconds())
	}
	return out
}

func newVote(v quorum.Vote) *VoteStatus {
	return &VoteStatus{Leader: v.Leader, Zxid: v.Zxid.String(), PeerEpoch: v.PeerEpoch.String()}
}

// instant is t in UTC; nil for none.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

// follows reports whether o is in sight and settled under the leader that s has.
func follows(s watch.Status, o watch.Server) bool {
	return s.HasLeader && o.Up && o.State != quorum.Looking && o.Vote.Leader == s.Leader
}

// seenTolerance is how many more of the voters that follow the leader may be lost; nil without one.
func seenTolerance(s watch.Status) *int {
	if !s.HasLeader || s.View == nil {
		return nil
	}
	return new(s.View.Tolerance(func(sid quorum.SID) bool {
		o, ok := s.Server(sid)
		return ok && follows(s, o)
	}))
}
