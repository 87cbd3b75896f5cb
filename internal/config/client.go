package config

import (
	"strings"

	"electnode/internal/quorum"
)

// clientPort makes the client address of zoo.cfg. Port 0 is unset, as in 3.8.
func (l *loader) clientPort() {
	c, r := l.cfg, &l.cfg.rest
	l.needsPort("clientPort", r.clientPort)
	l.needsPort("secureClientPort", r.securePort)
	if r.clientPort != 0 {
		host := r.clientHost
		if host == "" {
			host = "0.0.0.0"
		}
		c.ClientAddress = quorum.JoinHostPort(host, r.clientPort)
	}
}

// needsPort refuses an address without its port.
func (l *loader) needsPort(portKey string, port int) {
	key := portKey + "Address"
	if p, given := l.values[key]; given && port == 0 && !l.failed[portKey] {
		l.fault(l.main, p.Line, key, "%s needs %s", key, portKey)
	}
}

// reconcileClient settles the client address of zoo.cfg with the one in this server's own line: the line
// wins when the other is a wildcard with its port, or equal. An address from zoo.cfg alone becomes part of
// the own line and stays out of the configuration text. Rule: QuorumPeerConfig.setupClientPort.
func (l *loader) reconcileClient(self *quorum.Member) {
	static, line := l.cfg.ClientAddress, self.Client
	switch {
	case line == "":
		self.Client, self.ClientStatic = static, static != ""
	case static == "" || strings.EqualFold(static, line) || wildcardOf(static, line):
		l.cfg.ClientAddress = line
	default:
		l.fault(l.main, l.values["clientPort"].Line, "clientPort",
			"client address %s of this server differs from %s in server.%d", static, quorum.Quote(line), self.SID)
	}
}

// wildcardOf reports whether static means every address, at the port of line.
func wildcardOf(static, line string) bool {
	for _, any := range []string{"0.0.0.0", "[0:0:0:0:0:0:0:0]"} {
		if port, ok := strings.CutPrefix(static, any); ok && strings.HasPrefix(port, ":") {
			return strings.HasSuffix(line, port)
		}
	}
	return false
}
