package metrics

import (
	"time"

	"electnode/internal/quorum"
	"electnode/internal/watch"

	"github.com/prometheus/client_golang/prometheus"
)

// nothingSaid is shown for a number that a server has not told.
const nothingSaid = -1

// watchedSeries are the names of all that is shown of watched ensembles. took and failures are filled by probes,
// the others made at each scrape.
type watchedSeries struct {
	took     *prometheus.HistogramVec
	failures *prometheus.CounterVec
	all      []*prometheus.Desc // of those made at each scrape

	// Of an ensemble.
	hasLeader, leader, verdictAt, leaderless, leaderlessSeconds, changes, conflicting *prometheus.Desc
	blind, servers, voters, tolerance, possible                                       *prometheus.Desc

	// Of a server.
	up, voter, state, names, round, peerEpoch, config, stale, answered *prometheus.Desc
	// Of a server that was asked at its client port.
	client clientSeries
}

func newWatchedSeries() watchedSeries {
	var all []*prometheus.Desc
	by := func(name, help string, labels ...string) *prometheus.Desc { // the label ensemble is on all
		all = append(all, prometheus.NewDesc("electnode_watch_"+name, help, append([]string{"ensemble"}, labels...), nil))
		return all[len(all)-1]
	}
	s := watchedSeries{
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "electnode_watch_probe_duration_seconds",
			Help: "From question to answer.", Buckets: probeBounds(), NativeHistogramBucketFactor: nativeFactor,
			NativeHistogramMaxBucketNumber: nativeBuckets, NativeHistogramMinResetDuration: nativeReset},
			[]string{"ensemble", "server"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "electnode_watch_probe_failures_total",
			Help: "Questions without an answer, and dials in vain."}, []string{"ensemble", "server", "reason"}),

		hasLeader: by("has_leader", "1 while a quorum of the voters names one server that itself says LEADING."),
		leader:    by("leader_sid", "The leader, -1 without one."),
		verdictAt: by("verdict_timestamp_seconds", "When has_leader became what it is, or the leader another; 0 before"+
			" anything was known."),
		leaderless: by("leaderless", "1 while a voter answers, or is known not to run, and no leader is seen. 0 without"+
			" a leader: nothing is known."),
		leaderlessSeconds: by("leaderless_seconds_total", "Time in which leaderless was 1; grows while it lasts."),
		changes:           by("leader_changes_total", "Leaders after the first, one that was elected again included."),
		conflicting: by("conflicting_leaders", "Servers that say LEADING at the same time: 0, or 2 and more; one alone is"+
			" no conflict."),
		blind:     by("blind", "1 while too few voters are in sight to judge, or nothing is known yet: the verdict is not to be relied on."),
		servers:   by("servers", "Servers that are watched, observers included."),
		voters:    by("voters", "Voters of the configuration; 0 until it is known."),
		tolerance: by("failure_tolerance", "Voters in sight that may still be lost, whichever they are; -1 without a leader."),
		possible: by("failure_tolerance_possible", "Voters that may be lost, whichever they are, while all are there; by the"+
			" configuration in force, 0 until it is known."),

		up:        by("up", "1 while the last question was answered.", "server"),
		voter:     by("server_voter", "1 for a voter, 0 for an observer.", "server"),
		state:     by("server_state", "1 for the state that the server says, 0 for the other three; all 0 while it is out of sight.", "server", "state"),
		names:     by("server_leader_sid", "Whom the server names as leader, or votes for while LOOKING; -1 while it is out of sight.", "server"),
		round:     by("server_round", "Logical clock of elections that the server said last, -1 for never.", "server"),
		peerEpoch: by("server_peer_epoch", "Epoch of the vote that the server said last, -1 for none.", "server"),
		config:    by("server_config_version", "Version of the configuration that the server said last, -1 for none.", "server"),
		stale:     by("server_stale", "1 while the server follows one that does not itself say LEADING.", "server"),
		answered:  by("server_last_answer_timestamp_seconds", "When the server last answered, 0 for never.", "server"),
	}
	s.client = newClientSeries(by)
	s.all = all
	return s
}

func (s *watchedSeries) describe(ch chan<- *prometheus.Desc) {
	s.took.Describe(ch)
	s.failures.Describe(ch)
	for _, d := range s.all {
		ch <- d
	}
}

// ensemble shows what is true of the ensemble as a whole.
func (s *watchedSeries) ensemble(ch chan<- prometheus.Metric, name string, st watch.Status, leaderless float64, changes uint64) {
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, name)
	}
	counter := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, name)
	}
	leader, voters, tolerance, possible := float64(noSID), 0, toleranceNoQuorum, 0
	if st.HasLeader {
		leader = float64(st.Leader)
	}
	if st.View != nil {
		voters = len(st.View.Voters())
		possible = st.View.Tolerance(func(quorum.SID) bool { return true })
	}
	if st.HasLeader && st.View != nil {
		tolerance = st.View.Tolerance(func(sid quorum.SID) bool {
			o, ok := st.Server(sid)
			return ok && follows(o, st.Leader)
		})
	}
	gauge(s.hasLeader, oneIf(st.HasLeader))
	gauge(s.leader, leader)
	gauge(s.verdictAt, timestamp(st.Since))
	gauge(s.leaderless, oneIf(st.Leaderless))
	counter(s.leaderlessSeconds, leaderless)
	counter(s.changes, float64(changes))
	gauge(s.conflicting, float64(len(st.Conflicting)))
	gauge(s.blind, oneIf(st.Blind))
	gauge(s.servers, float64(len(st.Servers)))
	gauge(s.voters, float64(voters))
	gauge(s.tolerance, float64(tolerance))
	gauge(s.possible, float64(possible))
}

// server shows one server.
func (s *watchedSeries) server(ch chan<- prometheus.Metric, ensemble string, o watch.Server) {
	sid := o.SID.String()
	gauge := func(d *prometheus.Desc, v float64, more ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{ensemble, sid}, more...)...)
	}
	names, round, epoch, config := float64(nothingSaid), float64(nothingSaid), float64(nothingSaid), float64(nothingSaid)
	said := o.Up && o.Known
	if said && o.Vote.Leader != quorum.NoSID {
		names = float64(o.Vote.Leader)
	}
	if o.Known {
		round = float64(o.Round)
	}
	if o.Known && o.Vote.PeerEpoch != quorum.MinEpoch {
		epoch = float64(o.Vote.PeerEpoch)
	}
	if o.ConfigKnown {
		config = float64(o.ConfigVersion)
	}
	gauge(s.up, oneIf(o.Up))
	gauge(s.voter, oneIf(o.Role == quorum.Participant))
	for _, state := range quorum.States() {
		gauge(s.state, oneIf(said && o.State == state), state.String())
	}
	gauge(s.names, names)
	gauge(s.round, round)
	gauge(s.peerEpoch, epoch)
	gauge(s.config, config)
	gauge(s.stale, oneIf(o.Stale))
	gauge(s.answered, timestamp(o.LastAnswer))
	if o.Client != nil {
		s.client.show(func(d *prometheus.Desc, v float64) { gauge(d, v) }, *o.Client)
	}
}

// follows reports whether a server in sight is, or follows, the leader.
func follows(o watch.Server, leader quorum.SID) bool {
	return o.Up && (o.State == quorum.Following || o.State == quorum.Leading) && o.Vote.Leader == leader
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// timestamp is t in seconds since 1970, 0 for never.
func timestamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}
