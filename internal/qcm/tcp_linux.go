package qcm

import "syscall"

// tcpUserTimeout is TCP_USER_TIMEOUT, which package syscall does not name.
const tcpUserTimeout = 0x12

// control sets AckTimeout on a socket before it is used; accepted sockets inherit it from their listener.
func (t TCP) control(_, _ string, c syscall.RawConn) error {
	if t.AckTimeout <= 0 {
		return nil
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(t.AckTimeout.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
