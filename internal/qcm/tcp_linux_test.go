package qcm

import (
	"net"
	"syscall"
	"testing"
	"time"
)

// TestTCPOptions reads the socket options back.
func TestTCPOptions(t *testing.T) {
	for _, on := range []bool{false, true} {
		tcp := TCP{KeepAlive: on}
		if on {
			tcp.AckTimeout = 1234 * time.Millisecond
		}
		ln, err := tcp.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		near, err := tcp.Dial(t.Context(), ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		far, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]net.Conn{"dialled": near, "accepted": far} {
			if got := option(t, c, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE) != 0; got != on {
				t.Errorf("%s: keep-alive is %t, want %t", name, got, on)
			}
			if option(t, c, syscall.IPPROTO_TCP, syscall.TCP_NODELAY) == 0 {
				t.Errorf("%s: TCP_NODELAY is off", name)
			}
			if got, want := ackTimeout(t, c), tcp.AckTimeout; got != want {
				t.Errorf("%s: data may stay unacknowledged for %s, want %s", name, got, want)
			}
			c.Close()
		}
		ln.Close()
	}
	ips, err := TCP{}.Lookup(t.Context(), "::1")
	if err != nil || len(ips) != 1 || ips[0] != "::1" {
		t.Errorf("%v, %v", ips, err)
	}
}

func option(t *testing.T, c net.Conn, level, name int) int {
	t.Helper()
	rc, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var value int
	var oerr error
	if err := rc.Control(func(fd uintptr) { value, oerr = syscall.GetsockoptInt(int(fd), level, name) }); err != nil || oerr != nil {
		t.Fatal(err, oerr)
	}
	return value
}

func ackTimeout(t *testing.T, c net.Conn) time.Duration {
	t.Helper()
	return time.Duration(option(t, c, syscall.IPPROTO_TCP, tcpUserTimeout)) * time.Millisecond
}
