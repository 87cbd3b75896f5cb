package config

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"electnode/internal/quorum"
)

// key is one key of zoo.cfg whose value is checked.
type key struct {
	name string
	set  func(value string) error // the error is the part of the message behind "KEY: "
}

// usedKeys are the keys of the reference that matter here. Rule: QuorumPeerConfig.parseProperties.
func (l *loader) usedKeys() []key {
	c, r := l.cfg, &l.cfg.rest
	return []key{
		{"tickTime", milliseconds(&c.Tick)},
		{"initLimit", integer(&c.InitLimit)},
		{"syncLimit", integer(&c.SyncLimit)},
		{"connectToLearnerMasterLimit", integer(&c.ConnectLimit)},
		{"dataDir", l.directory("dataDir", &c.DataDir)},
		{"dataLogDir", l.directory("dataLogDir", &c.DataLogDir)},
		{"clientPort", port(&r.clientPort)},
		{"clientPortAddress", host(&r.clientHost)},
		{"electionAlg", integer(&r.electionAlg)},
		{"peerType", func(v string) (err error) { r.peerType, err = quorum.ParseRole(v); return err }},
		{"dynamicConfigFile", func(v string) error { r.dynamicFile, r.dynamicFileGiven = v, true; return nil }},
		{"quorumListenOnAllIPs", boolean(&c.ListenOnAllIPs)},
		{"standaloneEnabled", boolean(&c.Standalone)},
		{"reconfigEnabled", boolean(&c.ReconfigEnabled)},
		{"multiAddress.enabled", func(v string) error {
			err := boolean(&c.MultiAddress)(v)
			r.multiAddressKey, c.MultiAddressRefused = true, err == nil && !c.MultiAddress
			return err
		}},
		{"multiAddress.reachabilityCheckEnabled", boolean(&c.ReachabilityCheck)},
		{"multiAddress.reachabilityCheckTimeoutMs", milliseconds(&c.ReachabilityTimeout)},
		{"sslQuorum", boolean(&c.TLS.Quorum)},
		{"portUnification", boolean(&c.TLS.PortUnification)},
		{"sslQuorumReloadCertFiles", boolean(&c.TLS.Reload)},
		{"quorum.auth.enableSasl", boolean(&c.SASL.Enabled)},
		{"quorum.auth.learnerRequireSasl", boolean(&c.SASL.LearnerRequired)},
		{"quorum.auth.serverRequireSasl", boolean(&c.SASL.ServerRequired)},
		{"quorum.auth.kerberos.servicePrincipal", text(&c.SASL.ServicePrincipal)},
		{"quorum.auth.learner.saslLoginContext", text(&c.SASL.LearnerContext)},
		{"quorum.auth.server.saslLoginContext", text(&c.SASL.ServerContext)},
		{"quorum.cnxn.threads.size", integer(&r.threads)},
		{"oraclePath", func(string) error {
			// Differs from ZooKeeper: with it, two voters may act on the content of a file (D9).
			return fmt.Errorf("an oracle changes what a quorum is, which electnode does not support")
		}},
	}
}

// unusedKeys are keys that the reference checks and an election node has no use for: a wrong value is an
// error all the same, because the reference would not start. Rule: QuorumPeerConfig.parseProperties.
func (l *loader) unusedKeys() []key {
	r := &l.cfg.rest
	return []key{
		{"minSessionTimeout", integer(&r.minSession)},
		{"maxSessionTimeout", integer(&r.maxSession)},
		{"maxClientCnxns", integer(&r.ignored)},
		{"clientPortListenBacklog", integer(&r.ignored)},
		{"secureClientPort", port(&r.securePort)},
		{"secureClientPortAddress", host(&r.secureHost)},
		{"observerMasterPort", integer(&r.ignored)},
		{"localSessionsEnabled", boolean(&r.localSessions)},
		{"localSessionsUpgradingEnabled", boolean(&r.localUpgrading)},
		{"syncEnabled", boolean(&r.syncEnabled)},
		{"autopurge.snapRetainCount", integer(&r.snapRetain)},
		{"autopurge.purgeInterval", integer(&r.purgeInterval)},
		{"jvm.pause.monitor", boolean(&r.ignoredFlag)},
		{"jvm.pause.info-threshold.ms", long(&r.ignoredLong)},
		{"jvm.pause.warn-threshold.ms", long(&r.ignoredLong)},
		{"jvm.pause.sleep.time.ms", long(&r.ignoredLong)},
		// Differs from ZooKeeper: the class is not looked up (D8).
		{"metricsProvider.className", text(&r.metricsClass)},
	}
}

// integer reads a 32-bit number as Java does: sign and leading zeros are allowed, blanks are not.
func integer(to *int) func(string) error {
	return func(v string) error {
		n, err := number(v, 32)
		*to = int(n)
		return err
	}
}

func long(to *int64) func(string) error {
	return func(v string) (err error) { *to, err = number(v, 64); return err }
}

func number(v string, bits int) (int64, error) {
	n, err := strconv.ParseInt(v, 10, bits)
	if err != nil {
		return 0, fmt.Errorf("%s is not a whole number in range", quorum.Quote(v))
	}
	return n, nil
}

func milliseconds(to *time.Duration) func(string) error {
	return func(v string) error {
		n, err := number(v, 32)
		*to = time.Duration(n) * time.Millisecond
		return err
	}
}

// boolean takes true and false in any letter case.
func boolean(to *bool) func(string) error {
	return func(v string) error {
		switch {
		case len(v) == len("true") && strings.EqualFold(v, "true"):
			*to = true
		case len(v) == len("false") && strings.EqualFold(v, "false"):
			*to = false
		default:
			return fmt.Errorf("%s must be true or false", quorum.Quote(v))
		}
		return nil
	}
}

func text(to *string) func(string) error {
	return func(v string) error { *to = v; return nil }
}

func port(to *int) func(string) error {
	return func(v string) (err error) { *to, err = quorum.ParsePort(v); return err }
}

// host reads a host that stands alone; an IPv6 literal may be in brackets. It is not resolved.
// Differs from ZooKeeper: a host that is written as nothing is refused, it does not become localhost (D4).
func host(to *string) func(string) error {
	return func(v string) error {
		if inner, ok := strings.CutPrefix(v, "["); ok && strings.HasSuffix(inner, "]") && strings.Contains(inner, ":") {
			v = strings.TrimSuffix(inner, "]")
		}
		if v == "" {
			return fmt.Errorf("a host is missing")
		}
		*to = quorum.NormalHost(v)
		return nil
	}
}

// directory reads a path the way the reference does: slashes that say nothing are dropped, and a
// relative path earns a warning unless it begins with "./"; one of a single character, or none, is
// refused as the reference refuses it (it crashes).
func (l *loader) directory(name string, to *string) func(string) error {
	return func(v string) error {
		dir := plainSlashes(v)
		if !path.IsAbs(dir) {
			if len(dir) < 2 {
				return fmt.Errorf("%s is too short for a relative path", quorum.Quote(v))
			}
			if !strings.HasPrefix(dir, "./") {
				l.warn(WarnRelativePath, l.main, l.values[name].Line, name,
					"%s: %s is relative to the working directory; begin it with ./ if that is meant", name, quorum.Quote(v))
			}
		}
		*to = dir
		return nil
	}
}

// plainSlashes drops repeated and trailing slashes.
func plainSlashes(v string) string {
	for strings.Contains(v, "//") {
		v = strings.ReplaceAll(v, "//", "/")
	}
	if len(v) > 1 {
		v = strings.TrimSuffix(v, "/")
	}
	return v
}
