package watch

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"electnode/internal/qcm"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
	"electnode/internal/quorumtls"
)

// port answers every connection to an address in one way, until stop.
func port(t *testing.T, h *memnet.Host, addr string, answer func(net.Conn)) (stop func()) {
	t.Helper()
	ln, err := h.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // ends when stop closes the listener
		defer close(ended)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { // ends with the connection
				defer c.Close()
				answer(c)
			}()
		}
	}()
	return func() { ln.Close(); <-ended }
}

// partly uses TLS for one host.
type partly struct {
	qcm.Network
	secure qcm.Network
	host   string
}

func (p partly) Dial(ctx context.Context, addr string) (net.Conn, error) {
	if strings.HasPrefix(addr, p.host+":") {
		return p.secure.Dial(ctx, addr)
	}
	return p.Network.Dial(ctx, addr)
}

// hears takes so many bytes, at least one.
func hears(c net.Conn, n int) { _, _ = io.ReadAtLeast(c, make([]byte, 4096), n) }

// says writes a text and waits for the end.
func says(c net.Conn, text string) { _, _ = io.WriteString(c, text); _, _ = io.Copy(io.Discard, c) }

// TestWrongTargets: each thing that is no election port, or one of another kind, gives one reason and says what
// to do; the servers beside it are asked as ever.
func TestWrongTargets(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(net.Conn) // nil: the port is closed
		tls    bool           // the watcher uses TLS with it
		reason Reason
		detail string
	}{
		"closed port":       {nil, false, FailRefused, "refused"},
		"web server":        {func(c net.Conn) { hears(c, 60); says(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }, false, FailBadFrame, "web server"},
		"client port":       {func(c net.Conn) { hears(c, 4) }, false, FailClosed, "client port"},
		"a word in between": {func(c net.Conn) { hears(c, 4); says(c, "SSH-2.0-OpenSSH_9.2\r\n") }, false, FailBadFrame, "no election port"},
		"silent":            {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, false, FailNoAnswer, "timeout"},
		"TLS, asked plain":  {func(c net.Conn) { hears(c, 8); says(c, "\x15\x03\x03\x00\x02\x02\x50") }, false, FailTLS, "ssl.quorum"},
		"TLS 1.0 record":    {func(c net.Conn) { hears(c, 8); says(c, "\x15\x03\x01\x00\x02\x02\x28") }, false, FailTLS, "ssl.quorum"},
		"plain, asked TLS":  {func(c net.Conn) { hears(c, 12) }, true, FailTLS, "does it speak TLS"},
		"HTTP, asked TLS":   {func(c net.Conn) { hears(c, 8); says(c, "HTTP/1.0 400 Bad Request\r\n\r\n") }, true, FailTLS, "does not speak TLS"},
		"silent, asked TLS": {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, true, FailTimeout, "TLS hand-shake"},
		"refuses us":        {func(c net.Conn) { hears(c, 8); says(c, "\x15\x03\x03\x00\x02\x02\x2a") }, true, FailTLS, "refuses"},
	} {
		t.Run(name, func(t *testing.T) {
			secure, err := quorumtls.Files{InsecureName: true}.Load()
			if err != nil {
				t.Fatal(err)
			}
			wrap := func(o *Options) {
				if c.tls {
					o.Network = partly{o.Network, secure.Client(o.Network), "10.0.0.4"}
				}
			}
			wrong(t, wrap, c.answer, c.reason, c.detail)
		})
	}
}

// wrong looks for a minute at servers of which the second is something else.
func wrong(t *testing.T, change func(*Options), answer func(net.Conn), reason Reason, detail string) {
	t.Helper()
	bubble(t, func(o *Options) {
		change(o)
		v := three(t)
		o.View, o.Targets = v, []Target{{2, "10.0.0.4:3888"}}
	}, func(s *scene) {
		if answer != nil {
			defer port(t, s.net.Host("10.0.0.4"), "10.0.0.4:3888", answer)()
		}
		time.Sleep(time.Minute)
		o := s.server(2)
		if o.Up || o.LastFailure != reason || !strings.Contains(o.FailureDetail, detail) {
			t.Errorf("want %s and %q: %s %q %v", reason, detail, o.LastFailure, o.FailureDetail, o.Failures)
		}
		s.led(3)
		for _, sid := range []quorum.SID{1, 3} {
			if o := s.server(sid); !o.Up || o.Answers < 230 || len(o.Failures) != 0 {
				t.Errorf("%+v", o)
			}
		}
	})
}
