package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ErrHostClosed is what a host says after its end.
var ErrHostClosed = errors.New("the host is closed")

// maxHost is the largest number of a host: the last byte of its address.
const maxHost = 254

// localDial bounds a dial within a host. A process that is stopped still takes connections, until its queue of
// them is full.
const localDial = 2 * time.Second

// Host is one machine of the laboratory: a network namespace with loopback and one device, whose other end is
// for a Wire. There is no route out of it. Its methods may be called from any goroutine but not from within Do.
type Host struct {
	Number int // 1..254

	dev    *os.File
	mounts bool // its own; the test's goroutine sets it
	calls  chan func()
	over   chan struct{} // closed when the thread is about to end
}

// NewHost makes a host; the end of the test closes it, after all that was made later. Only root can.
func NewHost(t testing.TB, number int) *Host {
	t.Helper()
	h, err := openHost(number)
	if err != nil {
		t.Fatalf("host %d: %v", number, err)
	}
	t.Cleanup(h.Close)
	return h
}

// openHost makes a host; Close ends it.
func openHost(number int) (*Host, error) {
	if number < 1 || number > maxHost {
		return nil, fmt.Errorf("numbers of hosts go from 1 to %d", maxHost)
	}
	h := &Host{Number: number, calls: make(chan func()), over: make(chan struct{})}
	ready := make(chan error)
	// Owned by the host, ended by Close.
	go h.run(ready)
	return h, <-ready
}

// Addr is the host's address on the wire, from TEST-NET-1.
func (h *Host) Addr() netip.Addr { return hostAddr(h.Number) }

func hostAddr(number int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(number)}) }

// run is the host's thread. It is never unlocked: the thread ends with this goroutine, and the namespace with
// the thread and what was started from it.
func (h *Host) run(ready chan<- error) {
	runtime.LockOSThread()
	defer close(h.over)
	err := unix.Unshare(unix.CLONE_NEWNET)
	if err != nil {
		err = fmt.Errorf("a network namespace: %w", err)
	} else {
		err = h.plug()
	}
	ready <- err
	if err != nil {
		return
	}
	for f := range h.calls {
		f()
	}
}

// plug makes the devices of the namespace that the calling thread is in.
func (h *Host) plug() error {
	const name = "lab"
	dev, err := openTUN(name)
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"address", "add", h.Addr().String() + "/24", "dev", name},
		{"link", "set", name, "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			_ = dev.Close() // nothing was written to it
			return fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	h.dev = dev
	return nil
}

// openTUN makes a device that carries bare IP packets, in the namespace of the calling thread.
func openTUN(name string) (*os.File, error) {
	const path = "/dev/net/tun"
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		_ = unix.Close(fd) // nothing was written to it
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Do runs f on the host's thread: what f starts, and sockets that it makes, are on the host for good. f must not
// start goroutines for that, nor wait for long. It gives ErrHostClosed, and does nothing, after Close.
func (h *Host) Do(f func()) error {
	done := make(chan struct{})
	call := func() {
		defer close(done)
		f()
	}
	select {
	case h.calls <- call:
		<-done
		return nil
	case <-h.over:
		return ErrHostClosed
	}
}

// Go runs f in a goroutine with a thread of its own on the host, which ends with f: what may wait for long.
func (h *Host) Go(f func()) error {
	var ns int
	err := ErrHostClosed
	if cerr := h.Do(func() { ns, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0) }); cerr != nil {
		return cerr
	}
	if err != nil {
		return err
	}
	entered := make(chan error)
	// Owned by the caller: ends with f. The thread is never unlocked, so it ends too.
	go func() {
		runtime.LockOSThread()
		err := unix.Setns(ns, unix.CLONE_NEWNET)
		_ = unix.Close(ns) // the thread is in, or not
		entered <- err
		if err == nil {
			f()
		}
	}()
	return <-entered
}

// Start starts cmd on the host. The process may ask to die with its parent (Pdeathsig): the thread lives until Close.
func (h *Host) Start(cmd *exec.Cmd) error {
	err := ErrHostClosed
	if cerr := h.Do(func() { err = cmd.Start() }); cerr != nil {
		return cerr
	}
	return err
}

// DialContext dials an IP literal from within the host. What goes to its loopback does not cross the wire: so a test
// sees what the host's processes say whatever the wire does to them.
func (h *Host) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	var conn net.Conn
	err := ErrHostClosed
	dialer := net.Dialer{Timeout: localDial}
	if cerr := h.Do(func() { conn, err = dialer.DialContext(ctx, network, addr) }); cerr != nil {
		return nil, cerr
	}
	return conn, err
}

// Listen listens on host:port, an IP literal, of the host.
func (h *Host) Listen(network, addr string) (net.Listener, error) {
	var ln net.Listener
	err := ErrHostClosed
	if cerr := h.Do(func() { ln, err = net.Listen(network, addr) }); cerr != nil {
		return nil, cerr
	}
	return ln, err
}

// keeps reports whether a process of the host still has its end of a TCP connection that came to that port from there.
// One that it has closed may go on for a while, because what it said before is not read.
func (h *Host) keeps(port uint16, from netip.AddrPort) (bool, error) {
	const established = "01" // in the kernel's table
	var table []byte
	err := ErrHostClosed
	if cerr := h.Do(func() { table, err = os.ReadFile("/proc/thread-self/net/tcp") }); cerr != nil {
		return false, cerr
	}
	if err != nil {
		return false, err
	}
	ip := from.Addr().As4()
	remote := fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], from.Port())
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) > 3 && f[2] == remote && f[3] == established && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
			return true, nil
		}
	}
	return false, nil
}

// Close ends the host: its thread, the processes that asked to die with it, and the device. It may be called again.
func (h *Host) Close() {
	select {
	case h.calls <- runtime.Goexit:
		<-h.over
	case <-h.over:
	}
	_ = h.dev.Close() // a wire that still reads it sees the end
}
