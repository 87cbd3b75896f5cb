package lab

import (
	"flag"
	"slices"
	"testing"
	"time"
)

var attackTLSTime = flag.Duration("attack-tls", 12*time.Second, "how long TestAttackTLS attacks")

// TestAttackTLS is TestAttack on an ensemble that speaks TLS on its election and quorum ports: by some who get no further
// than the hand-shake of TLS, and by some whose certificates are trusted, who do all that strangers do without TLS.
func TestAttackTLS(t *testing.T) {
	trusted, untrusted := newAuthority(t, "trusted"), newAuthority(t, "untrusted")
	s := newSiege(t, "attack-tls", "-attack-tls", *attackTLSTime, trusted.settings)
	s.storm([]*Node{s.held.Leader}, trusted.speaking(unfinished()), unfinishedTime)
	s.Noise(rough)
	s.goals = append(s.crowds("election", "quorum"), s.evictions()...)
	for _, port := range []string{"election", "quorum"} {
		s.goals = append(s.goals, s.counted(`electnode_port_rejections_total{port="`+port+`",reason="tls"}`))
	}
	s.storm(s.Nodes, slices.Concat(beforeTLS(untrusted), trusted.speaking(onElection()), trusted.speaking(onQuorum())),
		*attackTLSTime)
	s.failOver()
	s.over(t)
}
