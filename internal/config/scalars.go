package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"electnode/internal/quorum"
)

// scalars reads every entry of zoo.cfg that is no member line.
func (l *loader) scalars() {
	handled := map[string]bool{"version": true}
	for _, k := range l.usedKeys() {
		l.apply(k, handled)
	}
	for _, k := range l.unusedKeys() {
		if l.apply(k, handled) {
			p := l.values[k.name]
			l.cfg.Unused = append(l.cfg.Unused, Unused{k.name, p.Value, p.Line})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.values)) {
		if handled[name] || quorum.IsMemberKey(name) {
			continue
		}
		if provider, ok := strings.CutPrefix(name, "metricsProvider."); ok {
			l.cfg.rest.metricsConfig[provider] = l.values[name].Value
			continue
		}
		l.cfg.PassedThrough[name] = l.values[name].Value
	}
	for _, k := range slices.Concat(l.passedKeys(), l.tlsKeys(), l.ownKeys()) {
		l.apply(k, handled)
	}
	for _, name := range slices.Sorted(maps.Keys(l.cfg.PassedThrough)) {
		l.checkPassed(name, handled)
		if !handled[name] || strings.HasPrefix(name, "ssl.quorum.") && !l.cfg.TLS.On() {
			l.cfg.Ignored = append(l.cfg.Ignored, name)
		}
	}
}

// apply sets what k is for, if zoo.cfg has it, and reports whether it has.
func (l *loader) apply(k key, handled map[string]bool) bool {
	p, given := l.values[k.name]
	if !given {
		return false
	}
	handled[k.name] = true
	if err := k.set(p.Value); err != nil {
		l.fault(l.main, p.Line, k.name, "%s: %v", k.name, err)
	}
	return true
}

// checkPassed looks at a key that the reference does not know.
func (l *loader) checkPassed(name string, handled map[string]bool) {
	line := l.values[name].Line
	switch {
	case strings.HasPrefix(name, "electnode.") && !handled[name]:
		l.fault(l.main, line, name, "%s is not a key that electnode knows", name)
	case strings.HasPrefix(name, "zookeeper."):
		l.warn(WarnZookeeperKey, l.main, line, name, "%s has no effect in a file: write %s", name,
			strings.TrimPrefix(name, "zookeeper."))
	case strings.HasPrefix(name, "ssl.quorum.") && !handled[name] && name != supplierClass && l.cfg.TLS.On():
		// Differs from ZooKeeper, which says nothing: what a person thinks to be asked of certificates would not be.
		l.warn(WarnTLSKey, l.main, line, name, "%s is not a key that electnode knows: it has no effect", name)
	case slices.Contains(jvmOnly(), name):
		l.warn(WarnJVMOnlyKey, l.main, line, name, "%s has no effect in a file: real servers take it as a JVM flag only", name)
	}
}

// jvmOnly lists settings of the reference that no file can change.
func jvmOnly() []string {
	return []string{"jute.maxbuffer", "readonlymode.enabled", "leader.nodelay", "follower.nodelay"}
}

// checkScalars does the checks that need more than one value, or none.
func (l *loader) checkScalars() {
	c, r := l.cfg, &l.cfg.rest
	if !l.failed["electionAlg"] && r.electionAlg != 3 {
		p := l.values["electionAlg"]
		l.fault(l.main, p.Line, p.Key, "electionAlg %s: only 3 exists", quorum.Quote(p.Value))
	}
	// Differs from ZooKeeper: negative values are refused, there they fail later (D6).
	for _, k := range []string{"tickTime", "initLimit", "syncLimit"} {
		if p, given := l.values[k]; given && !l.failed[k] && l.positive(k) <= 0 {
			l.fault(l.main, p.Line, k, "%s must be set to a positive number", k)
		}
	}
	if _, given := l.values["dataDir"]; !given {
		l.fault(l.main, 0, "dataDir", "dataDir is missing")
	}
	if c.DataLogDir == "" {
		c.DataLogDir = c.DataDir
	}
	if p, given := l.values["autopurge.snapRetainCount"]; given && !l.failed[p.Key] && r.snapRetain < 3 {
		l.warn(WarnSnapRetain, l.main, p.Line, p.Key, "autopurge.snapRetainCount: %d is raised to 3", r.snapRetain)
		r.snapRetain = 3
	}
	l.checkSASL()
	l.checkSessions()
	l.checkTLS()
}

func (l *loader) positive(k string) int {
	switch k {
	case "tickTime":
		return int(l.cfg.Tick / time.Millisecond)
	case "initLimit":
		return l.cfg.InitLimit
	default:
		return l.cfg.SyncLimit
	}
}

func (l *loader) checkSASL() {
	const enable, learner, server = "quorum.auth.enableSasl", "quorum.auth.learnerRequireSasl", "quorum.auth.serverRequireSasl"
	s := &l.cfg.SASL
	needs := func(on bool, key string, other bool, otherKey string) {
		if on && !other && !l.failed[otherKey] {
			l.fault(l.main, l.values[key].Line, key, "%s needs %s", key, otherKey)
		}
	}
	needs(s.LearnerRequired, learner, s.Enabled, enable)
	needs(s.ServerRequired, server, s.Enabled, enable)
	needs(s.ServerRequired, server, s.LearnerRequired, learner)
	if s.Enabled {
		l.warn(WarnSASL, l.main, l.values[enable].Line, enable,
			"%s: electnode does not speak SASL; servers that require it will refuse this one", enable)
	}
}

// checkSessions compares the limits of session time-outs, in the reference's 32-bit arithmetic.
func (l *loader) checkSessions() {
	if l.failed["tickTime"] || l.failed["minSessionTimeout"] || l.failed["maxSessionTimeout"] {
		return
	}
	r, tick := &l.cfg.rest, int32(l.cfg.Tick/time.Millisecond)
	if r.minSession == -1 {
		r.minSession = int(tick * 2)
	}
	if r.maxSession == -1 {
		r.maxSession = int(tick * 20)
	}
	if r.minSession > r.maxSession {
		line := max(l.values["minSessionTimeout"].Line, l.values["maxSessionTimeout"].Line)
		l.fault(l.main, line, "minSessionTimeout", "minSessionTimeout %d is above maxSessionTimeout %d", r.minSession, r.maxSession)
	}
}
