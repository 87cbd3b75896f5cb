package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"electnode/internal/config"
	"electnode/internal/quorum"
)

// printConfig writes what is in force, for people.
func printConfig(out io.Writer, cfg *config.Config) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	put := func(name string, value any) { fmt.Fprintf(w, "%s\t%v\n", name, value) }
	put("server", fmt.Sprintf("%d, %s", cfg.MyID, cfg.Role))
	put("tick", cfg.Tick)
	put("init limit", fmt.Sprintf("%d ticks, %s", cfg.InitTicks(), cfg.Tick*time.Duration(cfg.InitTicks())))
	put("sync limit", fmt.Sprintf("%d ticks, %s", cfg.SyncTicks(), cfg.Tick*time.Duration(cfg.SyncTicks())))
	put("data", cfg.DataDir)
	put("client port", orNone(cfg.ClientAddress))
	put("election port", strings.Join(cfg.ElectionListen(), " "))
	put("quorum port", strings.Join(cfg.QuorumListen(), " "))
	put("voters", fmt.Sprint(cfg.View.Voters()))
	put("observers", fmt.Sprint(cfg.View.Observers()))
	if cfg.View.Hierarchical() {
		put("quorum", fmt.Sprintf("more than half of %d groups with weight", cfg.View.CountedGroups()))
	} else {
		put("quorum", fmt.Sprintf("%d of %d", cfg.View.Majority(), len(cfg.View.Voters())))
	}
	put("electnode.voter", cfg.Own.Voter)
	put("electnode.peerNames", orNone(peerNames(cfg.Own.PeerNames)))
	put("electnode.checkPeerAddress", cfg.Own.CheckPeerAddress)
	for _, line := range tlsLines(cfg.TLS) {
		put(line[0], line[1])
	}
	if len(cfg.Ignored) > 0 {
		put("not used here", strings.Join(cfg.Ignored, " "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s\n", cfg.View.Text())
	return err
}

// tlsLines says what is in force of TLS between servers, as names and values.
func tlsLines(t config.TLS) [][2]string {
	if !t.On() {
		return [][2]string{{"TLS", "none"}}
	}
	dials, accepts := "plain", "TLS"
	if t.Quorum {
		dials = "TLS"
	}
	if t.PortUnification {
		accepts = "TLS and plain"
	}
	checked := "of servers and callers"
	switch {
	case !t.HostnameVerification:
		checked = "not looked at"
	case !t.ClientHostnameVerification:
		checked = "of servers that are dialled"
	case !t.ReverseLookup:
		checked += ", without reverse names"
	}
	protocols := t.Protocol
	if len(t.EnabledProtocols) > 0 {
		protocols = strings.Join(t.EnabledProtocols, ",")
	}
	files := "read at the start"
	if t.Reload {
		files = "taken up when they change"
	}
	return [][2]string{
		{"TLS", fmt.Sprintf("dials %s, accepts %s, %s, certificates %s", dials, accepts, protocols, files)},
		{"key store", store(t.KeyStore, "none")},
		{"trust store", store(t.TrustStore, "the system's authorities")},
		{"callers' certificates", t.ClientAuth},
		{"host names", checked},
	}
}

func store(s config.Store, none string) string {
	if s.Location == "" {
		return none
	}
	return s.Location + ", " + s.Type
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// peerNames prints the names of each server, as they are written.
func peerNames(of map[quorum.SID][]string) string {
	var all []string
	for _, sid := range slices.Sorted(maps.Keys(of)) {
		for _, name := range of[sid] {
			all = append(all, fmt.Sprintf("%d=%s", sid, name))
		}
	}
	return strings.Join(all, ",")
}
