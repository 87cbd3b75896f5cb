package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) }

// Syncs is the fsync of a host's processes, in the hands of the test: the kernel asks it at each call (seccomp, user
// notification) what shall become of it. Its methods may be called from any goroutine.
type Syncs struct {
	fd      int
	quit    chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	errno   unix.Errno
	file    string // whose fsync fails with errno; empty: every one
	delay   time.Duration
	changed chan struct{} // closed when delay changes
	count   int
}

// TakeSyncs puts the fsync of all processes that are started on the host from now on into the hands of the test. The
// end of the test gives it back.
func (h *Host) TakeSyncs(t testing.TB) *Syncs {
	t.Helper()
	s := &Syncs{quit: make(chan struct{}), changed: make(chan struct{})}
	h.must(t, "system calls", func() (err error) {
		s.fd, err = filterSyncs()
		return err
	})
	// Owned by s: ends when quit is closed.
	s.running.Go(s.serve)
	t.Cleanup(func() {
		close(s.quit)
		s.running.Wait()
		_ = unix.Close(s.fd) // nothing was written to it
	})
	return s
}

// Fail makes every fsync fail with this error from now on; 0: none.
func (s *Syncs) Fail(errno unix.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errno, s.file = errno, ""
}

// FailOf makes every fsync of files fail whose names begin with this, from now on.
func (s *Syncs) FailOf(name string, errno unix.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errno, s.file = errno, name
}

// Slow makes every fsync take so much longer from now on, those that wait already included.
func (s *Syncs) Slow(delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = delay
	close(s.changed)
	s.changed = make(chan struct{})
}

// Count is how many there were so far.
func (s *Syncs) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// The kernel's struct seccomp_data, seccomp_notif and seccomp_notif_resp.
type (
	callData struct {
		nr   int32
		arch uint32
		_    uint64 // instruction
		args [6]uint64
	}
	callNotice struct {
		id    uint64
		pid   uint32
		flags uint32
		data  callData
	}
	callAnswer struct {
		id    uint64
		val   int64
		errno int32
		flags uint32
	}
)

// arch is the kernel's number for the processor; 0: not known here.
func arch() uint32 {
	switch runtime.GOARCH {
	case "amd64":
		return unix.AUDIT_ARCH_X86_64
	case "arm64":
		return unix.AUDIT_ARCH_AARCH64
	}
	return 0
}

// filterSyncs has the kernel ask before each fsync of the calling thread and of all that it starts; fd is where it
// asks.
func filterSyncs() (fd int, err error) {
	arch := arch()
	if arch == 0 {
		return 0, errors.New("not known for " + runtime.GOARCH)
	}
	const loadWord, jumpEqual, answer = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	const atArch, atNumber = 4, 0 // in callData
	program := []unix.SockFilter{
		{Code: loadWord, K: atArch},
		{Code: jumpEqual, K: arch, Jf: 4},
		{Code: loadWord, K: atNumber},
		{Code: jumpEqual, K: unix.SYS_FSYNC, Jt: 1},
		{Code: jumpEqual, K: unix.SYS_FDATASYNC, Jf: 1},
		{Code: answer, K: unix.SECCOMP_RET_USER_NOTIF},
		{Code: answer, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
		uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

// serve answers the kernel until quit is closed.
func (s *Syncs) serve() {
	for {
		select {
		case <-s.quit:
			return
		default:
		}
		poll := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(poll, 20); n == 0 || err != nil || poll[0].Revents&unix.POLLIN == 0 {
			continue
		}
		var notice callNotice
		if !control(s.fd, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&notice)) {
			continue // the caller was killed meanwhile
		}
		// Owned by s: ends when the call was answered.
		s.running.Go(func() { s.answer(notice) })
	}
}

// answer lets a call happen, or fail, after its time.
func (s *Syncs) answer(call callNotice) {
	// Empty if the caller is dead: then nobody waits for the answer.
	file, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", call.pid, call.data.args[0]))
	errno := s.wait(time.Now(), filepath.Base(file))
	reply := callAnswer{id: call.id, errno: -int32(errno)}
	if errno == 0 {
		reply.flags = unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE
	}
	control(s.fd, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&reply))
}

// wait lets the time of a call pass that began at an instant, and says what becomes of it, file being what it is about.
func (s *Syncs) wait(begun time.Time, file string) unix.Errno {
	s.mu.Lock()
	s.count++
	for {
		errno, left, changed := s.errno, s.delay-time.Since(begun), s.changed
		if !strings.HasPrefix(file, s.file) {
			errno = 0
		}
		s.mu.Unlock()
		if left <= 0 {
			return errno
		}
		select {
		case <-time.After(left):
		case <-changed:
		case <-s.quit:
			return errno
		}
		s.mu.Lock()
	}
}

func control(fd int, request uintptr, arg unsafe.Pointer) bool {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
	return errno == 0
}
