package web

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"electnode/internal/node"
	"electnode/internal/quorum"
)

// monitor is the answer to mntr, under ZooKeeper's own names, so that agents written for it work
// unchanged; values that need data are those of an empty server. Rule: MonitorCommand.
func (w *Words) monitor(s node.Status) string {
	var b strings.Builder
	put := func(key string, value any) { fmt.Fprintf(&b, "%s\t%v\n", key, value) }
	put("zk_version", "electnode "+w.opt.Version)
	put("zk_server_state", roleOf(s.State))
	put("zk_peer_state", peerState(s.State))
	put("zk_avg_latency", 0.0)
	put("zk_min_latency", w.minMicros.Load()/1000)
	put("zk_max_latency", w.maxMicros.Load()/1000)
	put("zk_packets_received", w.received.Load())
	put("zk_packets_sent", w.sent.Load())
	put("zk_num_alive_connections", w.guests.open())
	put("zk_outstanding_requests", 0)
	put("zk_znode_count", 0)
	put("zk_watch_count", 0)
	put("zk_ephemerals_count", 0)
	put("zk_approximate_data_size", 0)
	put("zk_uptime", time.Since(w.started).Milliseconds())
	put("zk_election_time", electionMillis(s))
	put("zk_quorum_size", len(s.View.Voters()))
	put("zk_leader_uptime", leaderUptime(s))
	put("zk_leader", s.Established.Leader)
	put("zk_accepted_epoch", s.Epochs.Accepted)
	put("zk_current_epoch", s.Epochs.Current)
	if s.State == quorum.Leading {
		synced, observers := 0, 0
		for _, l := range s.Zab.Learners {
			switch {
			case l.Observer:
				observers++
			case l.Live:
				synced++
			}
		}
		put("zk_learners", len(s.Zab.Learners))
		put("zk_followers", len(s.Zab.Learners)-observers)
		put("zk_synced_followers", synced)
		put("zk_synced_observers", observers)
		put("zk_pending_syncs", 0)
		put("zk_last_proposal_size", -1)
		put("zk_max_proposal_size", -1)
		put("zk_min_proposal_size", -1)
	}
	return b.String()
}

// peerState is what zk_peer_state calls a state under an established leader.
func peerState(s quorum.State) string {
	switch s {
	case quorum.Leading:
		return "leading - broadcast"
	case quorum.Following:
		return "following - broadcast"
	default:
		return "observing - broadcast"
	}
}

func electionMillis(s node.Status) int64 { return s.Since.Sub(s.Election.Began).Milliseconds() }

func leaderUptime(s node.Status) int64 {
	if s.State != quorum.Leading {
		return 0
	}
	return time.Since(s.EstablishedSince).Milliseconds()
}

// dirSize is the size in bytes of the files below dir; what cannot be read counts nothing.
func dirSize(dir string) int64 {
	var size int64
	// The walk goes on after every error, so it has none to return.
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}
