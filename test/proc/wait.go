package proc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"
)

// interval is the time between two looks at a condition.
const interval = 50 * time.Millisecond

// Eventually calls cond until it gives nil; when that takes longer than limit the test fails with what
// cond said last.
func Eventually(t testing.TB, limit time.Duration, what string, cond func() error) {
	t.Helper()
	Every(t, interval, limit, what, cond)
}

// Every is Eventually with another time between two looks.
func Every(t testing.TB, pause, limit time.Duration, what string, cond func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		err := cond()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s: %v", limit, what, err)
		}
		<-tick.C
	}
}

// Throughout calls cond again and again for the given time; the test fails as soon as it gives an error.
func Throughout(t testing.TB, during time.Duration, what string, cond func() error) {
	t.Helper()
	begun := time.Now()
	tick := time.NewTicker(5 * interval)
	defer tick.Stop()
	for time.Since(begun) < during {
		if err := cond(); err != nil {
			t.Fatalf("not any more after %s: %s: %v", time.Since(begun).Round(time.Millisecond), what, err)
		}
		<-tick.C
	}
}

// True makes a condition of one that has nothing to say but yes or no.
func True(cond func() bool) func() error {
	return func() error {
		if !cond() {
			return errors.New("no")
		}
		return nil
	}
}

// Ports gives n TCP ports of loopback that nobody uses, for the time of the test: another test that asks,
// in this process or another, gets others. They lie below the ports that the kernel hands out to dialling
// sockets, so that a server that is away for a while finds its port free when it comes back.
func Ports(t testing.TB, n int) []int {
	t.Helper()
	const lowest, highest = 10000, 32000
	var ports []int
	for range 1000 {
		if len(ports) == n {
			return ports
		}
		port := lowest + rand.IntN(highest-lowest)
		// A name in the kernel's abstract space, which vanishes with the process, says whose port it is.
		claim, err := net.Listen("unix", fmt.Sprintf("@electnode-test-port-%d", port))
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = claim.Close() }) // nothing was written to it
		if free(port) {
			ports = append(ports, port)
		}
	}
	t.Fatalf("no %d free ports between %d and %d", n, lowest, highest)
	return nil
}

// free reports whether nobody listens on port, at any address of this machine.
func free(port int) bool {
	ln, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	return err == nil && ln.Close() == nil
}

// Tail is the last lines of a text.
func Tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
