package metrics

import (
	"electnode/internal/watch"

	"github.com/prometheus/client_golang/prometheus"
)

// clientSeries are what a server says at its client port. They are there from the first question there on: a
// watcher that does not ask has none of them.
type clientSeries struct {
	asked, serving, zxidEpoch, zxidCounter, followers, synced, election *prometheus.Desc
}

func newClientSeries(by func(name, help string, labels ...string) *prometheus.Desc) clientSeries {
	return clientSeries{
		asked: by("server_client_timestamp_seconds", "When the server was last asked at its client port.", "server"),
		serving: by("server_serving", "1 if the server served clients when it was asked at its client port; one that is"+
			" LOOKING does not.", "server"),
		zxidEpoch:   by("server_zxid_epoch", "Epoch of the last zxid that the server said at its client port, -1 for none.", "server"),
		zxidCounter: by("server_zxid_counter", "Counter of the last zxid that the server said at its client port, -1 for none.", "server"),
		followers:   by("server_followers", "Learners of a leader as it says at its client port, observers included; -1 for others.", "server"),
		synced:      by("server_synced_followers", "Followers in step with a leader as it says at its client port; -1 for others.", "server"),
		election: by("server_mean_election_seconds", "Mean of the server's elections since its start as it says at its"+
			" client port, -1 for none.", "server"),
	}
}

// show shows what one server said.
func (s *clientSeries) show(gauge func(*prometheus.Desc, float64), c watch.ClientInfo) {
	epoch, counter, election := float64(nothingSaid), float64(nothingSaid), float64(nothingSaid)
	if c.ZxidKnown {
		epoch, counter = float64(c.Zxid.Epoch()), float64(c.Zxid.Counter())
	}
	if c.ElectionTime >= 0 {
		election = c.ElectionTime.Seconds()
	}
	gauge(s.asked, timestamp(c.At))
	gauge(s.serving, oneIf(c.Mode != ""))
	gauge(s.zxidEpoch, epoch)
	gauge(s.zxidCounter, counter)
	gauge(s.followers, float64(c.Followers))
	gauge(s.synced, float64(c.SyncedFollowers))
	gauge(s.election, election)
}
