package observe

import (
	"errors"
	"fmt"
	"testing"

	"electnode/test/proc"
	"electnode/test/zk"
)

// TestMixedInJaeger puts one real ZooKeeper server among two electnodes and kills a leader that is an electnode:
// the other one's part of the next election is in its trace, with what the real server said under its own rounds.
func TestMixedInJaeger(t *testing.T) {
	t.Parallel()
	zk.Need(t)
	j := StartJaeger(t, root)
	e := newEnsemble(t, 3, "--trace.endpoint="+j.OTLP)
	java := e.server(1) // its place, which a real server takes
	genuine := zk.New(t, java.SID, java.cfg)
	two, three := e.server(2), e.server(3)
	two.start()
	three.start()
	first := e.established(two, three)
	electionTrace(t, j, first, e.took(first, two, three)...)
	genuine.Start()
	proc.Eventually(t, patience, "the real server follows", func() error {
		if mode := zk.Srvr(fmt.Sprintf("127.0.0.1:%d", java.client), "Mode"); mode != "follower" {
			return fmt.Errorf("its mode is %q", mode)
		}
		return nil
	})

	left := two
	if first.leader == two {
		left = three
	}
	first.leader.Kill()
	second := e.next(first, left)
	own := service(left.SID)
	tr := traced(t, j, "an election with a real server", second.trace().String(), func(tr tree) error {
		errs := []error{tr.elections(own), tr.messages(), tr.establishment(own)}
		if second.leader == left { // otherwise the root is missing: a real server sends no spans
			errs = append(errs, tr.sound(), tr.root(second.trace(), own))
		}
		for _, name := range []string{spanRound, spanSend} {
			if len(tr.named(name, own)) == 0 {
				errs = append(errs, fmt.Errorf("no span %q", name))
			}
		}
		if n := fromReal(tr, java.SID); n == 0 {
			errs = append(errs, errors.New("nothing was received from the real server"))
		}
		return errors.Join(errs...)
	})
	lostBefore(t, j, e, tr, left, first)
}

// fromReal counts the received messages that have no id and come from a server.
func fromReal(tr tree, sid int) int {
	n := 0
	for _, s := range tr.named(spanReceive, "") {
		if s.Tag("electnode.message_id") == "" && s.Tag("electnode.peer") == fmt.Sprint(sid) {
			n++
		}
	}
	return n
}
