package system

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"electnode/test/proc"
)

// refused starts a server that must not start, and returns what it said.
func refused(t testing.TB, s *server, want int, says ...string) {
	t.Helper()
	s.Start()
	got := s.Wait(patience)
	said := s.Log()
	var line strings.Builder
	for l := range strings.Lines(said) {
		if strings.HasPrefix(l, "electnode: ") {
			line.WriteString(l)
		}
	}
	if got != want || strings.Count(line.String(), "\n") != 1 {
		t.Errorf("exit status %d, want %d, and one line: %q", got, want, said)
	}
	for _, w := range says {
		if !strings.Contains(line.String(), w) {
			t.Errorf("%q does not say %q", line.String(), w)
		}
	}
}

func epochFile(t testing.TB, s *server, name, text string) string {
	t.Helper()
	dir := filepath.Join(s.DataDir(), "version-2")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBadDataDir starts servers over directories that must not be used.
func TestBadDataDir(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, text string
		says             string
	}{
		{"history", "log.100000001", "ZKLG", "history"},
		{"torn", "acceptedEpoch", "", "empty"},
		{"no number", "currentEpoch", "7x", "is not a number"},
		{"too large", "acceptedEpoch", "99999999999999999999", "is not a number"},
		{"negative", "currentEpoch", "-2", "is no epoch"},
		{"empty line", "acceptedEpoch", "\n5", "empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newEnsemble(t, 3, defaults).server(1)
			epochFile(t, s, c.file, c.text)
			refused(t, s, 2, filepath.Join(s.DataDir(), "version-2"), c.file, c.says)
		})
	}
	t.Run("a promise was lost", func(t *testing.T) {
		s := newEnsemble(t, 3, defaults).server(1)
		epochFile(t, s, "acceptedEpoch", "3")
		epochFile(t, s, "currentEpoch", "4")
		refused(t, s, 2, s.DataDir(), "acceptedEpoch 3", "currentEpoch 4")
	})
	t.Run("a snapshot of a real server", func(t *testing.T) {
		s := newEnsemble(t, 3, defaults).server(1)
		if err := os.CopyFS(filepath.Join(s.DataDir(), "version-2"),
			os.DirFS("../../internal/durable/testdata/zookeeper-3.8.0/version-2")); err != nil {
			t.Fatal(err)
		}
		refused(t, s, 2, "history", "snapshot.")
	})
}

// TestSharedDataDir starts a second process over the directory of one that runs.
func TestSharedDataDir(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, defaults)
	one, two := e.server(1), e.server(2)
	one.StartAndWait()
	cfg, err := os.ReadFile(filepath.Join(one.Dir, "zoo.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(two.Dir, "zoo.cfg"), cfg, 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, two, 2, one.DataDir(), "another electnode uses this directory")
	if _, err := one.Status(); err != nil {
		t.Errorf("the first one suffered: %v", err)
	}
}

// TestPortTaken starts servers whose ports are taken: all but the quorum port, which only a leader needs.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		port func(s *server) int
		says string
	}{
		{"election", func(s *server) int { return s.election }, "no election address can be listened on"},
		{"client", func(s *server) int { return s.client }, "client port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newEnsemble(t, 3, defaults+"electionPortBindRetry=1\n").server(1)
			addr := fmt.Sprintf("127.0.0.1:%d", c.port(s))
			ln, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			refused(t, s, 1, c.says, addr)
		})
	}
	t.Run("HTTP", func(t *testing.T) {
		s := newEnsemble(t, 3, defaults).server(1)
		ln, err := net.Listen("tcp", s.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		refused(t, s, 1, "HTTP on "+s.HTTP)
	})
	t.Run("for a while", func(t *testing.T) {
		e := newEnsemble(t, 3, defaults)
		s := e.server(1)
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.election))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range e.servers {
			s.Start()
		}
		proc.Eventually(t, patience, "it has tried", func() error {
			if len(s.Lines("cannot listen")) == 0 {
				return fmt.Errorf("not yet")
			}
			return nil
		})
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		e.established()
	})
}
