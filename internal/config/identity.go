package config

import (
	"strconv"
	"strings"

	"electnode/internal/quorum"
)

// myid reads this server's id. Differs from ZooKeeper: a single server needs one too (D11).
// Rule: QuorumPeerConfig.setupMyId.
func (l *loader) myid() (quorum.SID, bool) {
	if l.cfg.DataDir == "" || l.foreign {
		return 0, false
	}
	name := strings.TrimSuffix(l.cfg.DataDir, "/") + "/myid"
	if !l.files.regular(name) {
		l.faultIn("", "myid", "myid file %s is missing", name)
		return 0, false
	}
	content, err := l.files.read(name)
	if err != nil {
		l.faultIn(name, "myid", "cannot be read: %s", reason(err))
		return 0, false
	}
	line := string(content)
	if i := strings.IndexAny(line, "\r\n"); i >= 0 {
		line = line[:i]
	}
	id, err := strconv.ParseInt(line, 10, 64)
	switch {
	case err != nil:
		l.faultIn(name, "myid", "%s is not a server id", quorum.Quote(line))
		return 0, false
	case id == -1:
		l.faultIn("", "myid", "myid file %s is missing: it says -1, which stands for no id", name)
		return 0, false
	}
	l.cfg.MyID = quorum.SID(id)
	return l.cfg.MyID, true
}

// findSelf is this server's line among members, nil with a problem when it has none.
// Differs from ZooKeeper: it finds that out only when the peer starts (D10).
func (l *loader) findSelf(members []quorum.Member, id quorum.SID, known bool) *quorum.Member {
	if !known {
		return nil
	}
	for i := range members {
		if members[i].SID == id {
			return &members[i]
		}
	}
	l.faultIn(strings.TrimSuffix(l.cfg.DataDir, "/")+"/myid", "myid", "id %d has no server line in %s", id, l.main.name)
	return nil
}

// reconcileRole takes the role from the server list and warns when peerType says otherwise.
func (l *loader) reconcileRole(self *quorum.Member) {
	l.cfg.Role = self.Role
	if said := l.cfg.rest.peerType; said != self.Role && !l.failed["peerType"] {
		l.warn(WarnPeerType, l.main, l.values["peerType"].Line, "peerType",
			"peerType is %s, but the server list makes this server (%d) a %s; the list wins", said, self.SID, self.Role)
	}
}

// checkView counts the voters, warns, and requires what a distributed ensemble needs.
// Rule: QuorumPeerConfig.parseDynamicConfig.
func (l *loader) checkView(src *source) {
	c := l.cfg
	if err := c.View.CheckVoters(c.Standalone); err != nil {
		l.viewFaults(src, err)
	}
	voters := len(c.View.Voters())
	c.Distributed = !c.Standalone || voters > 1
	switch {
	case voters == 1 && c.Standalone:
		l.warn(WarnSingleServer, src, 0, "", "one server alone: no election is needed, and nothing takes its place when it fails")
	case voters == 1 || voters == 2:
		l.warn(WarnNoFailure, src, 0, "", "%d voters: not one of them may fail", voters)
	case voters%2 == 0:
		l.warn(WarnEvenVoters, src, 0, "", "%d voters tolerate no more failures than %d do; an odd number is better", voters, voters-1)
	}
	for _, key := range []string{"initLimit", "syncLimit"} {
		if _, given := l.values[key]; !given && c.Distributed {
			l.fault(l.main, 0, key, "%s must be set to a positive number", key)
		}
	}
}

// multiAddress switches the feature on when a server line has several addresses.
// Differs from ZooKeeper: there only a JVM flag allows a second address (D2).
func (l *loader) multiAddress(src *source, several string) {
	if several == "" || l.failed["multiAddress.enabled"] {
		return
	}
	l.cfg.MultiAddress = true
	if !l.warned(WarnMultiAddress) {
		l.warn(WarnMultiAddress, src, src.line(several), several, "%s has several addresses: real servers allow that only with the "+
			"JVM flag -Dzookeeper.multiAddress.enabled=true, and speak the older initial message without it", several)
	}
}

func (l *loader) warned(code string) bool {
	for _, w := range l.warnings {
		if w.Code == code {
			return true
		}
	}
	return false
}
