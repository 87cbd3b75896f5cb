package lab

import (
	"testing"
	"time"
)

// TestNamesGone: names that once led somewhere go on doing so. While every name service is silent, a leader that was
// killed has a successor as soon as ever; with one that takes its time, a server that starts comes in later, but
// comes in.
func TestNamesGone(t *testing.T) {
	t.Parallel()
	e := NewEnsemble(t, Options{Program: program, Servers: 3, Seed: *seed, Settings: settings, Named: true,
		Dir: directory(*seed, "names-gone"), Again: "go test ./test/lab -run TestNamesGone"})
	var services []*Names
	for _, n := range e.Nodes {
		services = append(services, n.Host.NewNames(t, e.Names()))
	}
	all := func(f func(*Names)) {
		for _, s := range services {
			f(s)
		}
	}
	e.Boot()
	before := e.AwaitAgreement(patience)
	for i, s := range services {
		if s.Asked() == 0 {
			t.Fatalf("server %d did not ask its name service", i+1)
		}
	}

	all(func(s *Names) { s.Silent(true) })
	e.act(Action{Action: "names", Detail: "silent"})
	var others []*Node
	for _, n := range e.Nodes {
		if n != before.Leader {
			others = append(others, n)
		}
	}
	begun := time.Now()
	before.Leader.Kill()
	e.AwaitAgreement(election+handshake+spare, others...)
	t.Logf("another leader %s after the kill, without a name service", time.Since(begun).Round(time.Millisecond))

	all(func(s *Names) { s.Silent(false); s.Slow(time.Second) })
	e.act(Action{Action: "names", Detail: "slow"})
	begun = time.Now()
	before.Leader.Boot()
	e.AwaitAgreement(starting + 5*time.Second)
	t.Logf("the server is back after %s, with a name service that takes a second", time.Since(begun).Round(time.Millisecond))
	e.Judge()
}
