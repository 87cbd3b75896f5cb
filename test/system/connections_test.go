package system

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"
)

// socket is one TCP socket of a process.
type socket struct {
	local, remote int // ports
	state         string
}

// States of a TCP socket in /proc/net/tcp.
const (
	tcpEstablished = "01"
	tcpListen      = "0A"
)

// sockets lists the TCP sockets of a process, as ss -tnp does.
func sockets(pid int) ([]socket, error) {
	own := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return nil, err
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:[") {
			own[strings.Trim(to[len("socket:"):], "[]")] = true
		}
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	if err != nil {
		return nil, err
	}
	var all []socket
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		if len(f) < 10 || !own[f[9]] {
			continue
		}
		local, err := hexPort(f[1])
		if err != nil {
			return nil, err
		}
		remote, err := hexPort(f[2])
		if err != nil {
			return nil, err
		}
		all = append(all, socket{local, remote, f[3]})
	}
	return all, nil
}

func hexPort(addr string) (int, error) {
	_, port, _ := strings.Cut(addr, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	return int(n), err
}

// onePerPair says what is wrong with the election connections: there must be exactly one per pair of
// servers, dialled by the one with the larger sid, at both ends, and nothing that is half closed; and the
// servers must say the same themselves.
func (e *ensemble) onePerPair() error {
	byPort := map[int]int{}
	for _, s := range e.servers {
		byPort[s.election] = s.SID
	}
	for _, s := range e.servers {
		all, err := sockets(s.pid(e.t))
		if err != nil {
			return err
		}
		dialled, accepted := map[int]int{}, 0
		for _, c := range all {
			peer, ours := byPort[c.remote]
			if c.state == tcpListen || !ours && c.local != s.election {
				continue
			}
			if c.state != tcpEstablished {
				return fmt.Errorf("server %d has a socket %d -> %d in state %s", s.SID, c.local, c.remote, c.state)
			}
			if ours {
				dialled[peer]++
			} else {
				accepted++
			}
		}
		for _, other := range e.others(s) {
			if want := b2i(s.SID > other.SID); dialled[other.SID] != want {
				return fmt.Errorf("server %d has %d connections that it dialled to %d, want %d", s.SID,
					dialled[other.SID], other.SID, want)
			}
		}
		if want := len(e.servers) - s.SID; accepted != want {
			return fmt.Errorf("server %d has %d connections that it accepted, want %d", s.SID, accepted, want)
		}
		if err := e.saysOnePerPair(s); err != nil {
			return err
		}
	}
	return nil
}

func (e *ensemble) saysOnePerPair(s *server) error {
	st, err := s.Status()
	if err != nil {
		return err
	}
	if len(st.Peers) != len(e.servers)-1 {
		return fmt.Errorf("server %d speaks of %d peers", s.SID, len(st.Peers))
	}
	for _, p := range st.Peers {
		if !p.Connected || p.DialledByUs != (s.SID > int(p.SID)) || p.Since == nil {
			return fmt.Errorf("server %d says of %d: connected %t, dialled by us %t", s.SID, p.SID, p.Connected, p.DialledByUs)
		}
	}
	return nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestOneConnectionPerPair restarts servers of five in random batches, as kill -9 does, at least fifty in
// all, and counts the election connections before and after.
func TestOneConnectionPerPair(t *testing.T) {
	const restarts = 50
	e := newEnsemble(t, 5, defaults)
	e.start()
	proc.Eventually(t, patience, "one connection per pair", e.onePerPair)
	rng := rand.New(rand.NewPCG(1, 2))
	batches, begun := 0, time.Now()
	for done := 0; done < restarts; batches++ {
		batch := rng.Perm(len(e.servers))[:1+rng.IntN(len(e.servers))]
		for _, i := range batch {
			e.servers[i].Kill()
		}
		for _, i := range batch {
			e.servers[i].Start()
		}
		done += len(batch)
		e.established()
		proc.Eventually(t, patience, fmt.Sprintf("one connection per pair after restarting %v", batch), e.onePerPair)
	}
	proc.Throughout(t, time.Second, "one connection per pair", e.onePerPair)
	t.Logf("%d restarts in %d batches, %s; %d pairs, one connection each", restarts, batches,
		time.Since(begun).Round(time.Millisecond), len(e.servers)*(len(e.servers)-1)/2)
}
