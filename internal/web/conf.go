package web

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"electnode/internal/config"
	"electnode/internal/quorum"
)

// ConfLines makes the lines of the word conf, of a server that was started with cfg and goes by view now. Rule:
// ConfCommand and QuorumPeer's dumpConf.
func ConfLines(cfg *config.Config, view *quorum.View) []string {
	_, port, err := net.SplitHostPort(cfg.ClientAddress)
	if err != nil {
		port = "-1" // no client port
	}
	self, _ := view.Member(cfg.MyID) // it may have been taken out
	role := 0
	if self.Role == quorum.Observer {
		role = 1
	}
	lines := []string{
		"clientPort=" + port,
		"secureClientPort=-1",
		"dataDir=" + filepath.Join(cfg.DataDir, "version-2"),
		"dataLogDir=" + filepath.Join(cfg.DataLogDir, "version-2"),
		fmt.Sprintf("tickTime=%d", cfg.Tick.Milliseconds()),
		fmt.Sprintf("serverId=%d", cfg.MyID),
		fmt.Sprintf("initLimit=%d", cfg.InitLimit),
		fmt.Sprintf("syncLimit=%d", cfg.SyncLimit),
		"electionAlg=3",
	}
	if len(self.Addresses) > 0 {
		lines = append(lines, fmt.Sprintf("electionPort=%d", self.Addresses[0].ElectionPort),
			fmt.Sprintf("quorumPort=%d", self.Addresses[0].QuorumPort))
	}
	lines = append(lines, fmt.Sprintf("peerType=%d", role), "membership: ")
	return append(lines, strings.Split(view.Text(), "\n")...)
}
