package lab

import (
	"context"
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
	s.storm(s.Nodes, slices.Concat(beforeTLS(untrusted), trusted.speaking(onElection()), trusted.speaking(onQuorum()),
		trusted.speaking(uncrowded())), *attackTLSTime)
	s.failOver()
	s.over(t)
}

// uncrowded are foreign servers and learners, more than one host may have, on the host that sends no silent connections: where a
// hand-shake takes long, those of a host crowd out the others of theirs before these have said who they are.
func uncrowded() []attacker {
	return []attacker{{name: "election: foreign servers of a quiet host", port: electionPort, many: [floodHosts]int{0, 0, 0, 24},
		harms: foreign}, {name: "quorum: foreign learners of a quiet host", port: quorumPort, many: [floodHosts]int{0, 0, 0, 12},
		harms: func(_ context.Context, g *grip) {
			g.say(learner(g.rand))
			g.stayUntilThrownOut()
		}}}
}
