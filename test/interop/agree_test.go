package interop

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestHeld has two real servers elect an electnode, which then keeps them for a minute by its heartbeats:
// the same followers, the same epoch, no election in between.
func TestHeld(t *testing.T) {
	t.Parallel()
	e := build(t, plan{kinds: "jje"})
	e.start(3) // it is up before the others can elect anybody among themselves
	e.start(1, 2)
	a := e.agree()
	if a.leader != 3 {
		t.Fatalf("server %d leads, not the electnode with the highest id", a.leader)
	}
	since := e.status(3).Since
	e.keeps(a, time.Minute)
	s := e.status(3)
	if s.Round != "1" || !s.Since.Equal(since) {
		t.Errorf("it leads in round %s since %s, at first it was round 1 since %s", s.Round, s.Since, since)
	}
	for _, sid := range []int{1, 2} {
		if n := strings.Count(e.member(sid).java.Log(), "Peer state changed: looking"); n > 1 {
			t.Errorf("server %d was looking %d times", sid, n)
		}
	}
}

// TestPlaces puts electnodes at every place among three and five servers, all with empty data.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, kinds := range []string{"ejj", "jej", "jje", "jjejj", "ejjje", "ejeje", "eejee"} {
		t.Run(kinds, func(t *testing.T) {
			t.Parallel()
			e, _ := form(t, plan{kinds: kinds})
			e.spoke("v1")
		})
	}
}

// TestGroups forms a hierarchical ensemble in which two servers of six are a quorum, and the others weigh
// nothing: in each group of two only the first has a weight.
func TestGroups(t *testing.T) {
	t.Parallel()
	e, a := form(t, plan{kinds: "ejjeej", cfg: "group.1=1:2\ngroup.2=3:4\ngroup.3=5:6\n" +
		"weight.1=1\nweight.2=0\nweight.3=1\nweight.4=0\nweight.5=1\nweight.6=0\n"})
	weighs := []int{1, 3, 5}
	if !slices.Contains(weighs, a.leader) {
		t.Fatalf("server %d leads, which has no weight", a.leader)
	}
	e.kill(2, 4, 6)
	e.keeps(a, 4*time.Second)
	e.kill(a.leader)
	b := e.agree()
	if !slices.Contains(weighs, b.leader) || b.epoch <= a.epoch {
		t.Errorf("after server %d of epoch %d came %+v", a.leader, a.epoch, b)
	}
	e.start(2, 4, 6, a.leader)
	if c := e.agree(); c != b {
		t.Errorf("%+v became %+v when the others came back", b, c)
	}
}

// TestAddresses gives every server two addresses, which all of them announce in the second form of the
// preamble.
func TestAddresses(t *testing.T) {
	t.Parallel()
	e, a := form(t, plan{kinds: "jej", hosts: []string{"127.0.0.1", "127.0.0.2"},
		cfg: "multiAddress.enabled=true\n", jvm: []string{"-Dzookeeper.multiAddress.enabled=true"}})
	e.spoke("v2")
	e.kill(a.leader)
	e.agree()
	e.start(a.leader)
	e.agree()
}

// leaveOut skips the test and says why; with CI=true that is a failure.
func leaveOut(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// TestIPv6 forms an ensemble on the loopback address of IPv6.
func TestIPv6(t *testing.T) {
	t.Parallel()
	if !hasIPv6() {
		leaveOut(t, "this machine has no IPv6 loopback address")
	}
	e, a := form(t, plan{kinds: "jej", hosts: []string{"[::1]"}})
	e.kill(a.leader)
	e.agree()
	e.start(a.leader)
	e.agree()
}
