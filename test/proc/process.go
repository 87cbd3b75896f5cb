package proc

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// logLines is how much of each log a failing test shows.
const logLines = 40

// Process is a child process that may be started again and again, with one log for all its lives. Its
// methods belong to the test's goroutine.
type Process struct {
	// Spawn starts the command; nil: its own Start. Whoever starts it from another thread must keep that thread
	// alive: a process dies with the thread that started it.
	Spawn func(*exec.Cmd) error

	t    testing.TB
	name string
	log  string // path
	life *life  // nil: not running
}

// life is one run of the process.
type life struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it was waited for
	err   error         // of Wait, once ended is closed
}

// New prepares a process; name is for people, logFile gets its output. The test's end kills it.
func New(t testing.TB, name, logFile string) *Process {
	t.Helper()
	p := &Process{t: t, name: name, log: logFile}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("end of the log of %s:\n%s", p.name, Tail(p.Log(), logLines))
		}
	})
	return p
}

// Start starts cmd, whose output goes to the log.
func (p *Process) Start(cmd *exec.Cmd) {
	p.t.Helper()
	if p.life != nil {
		p.t.Fatalf("%s runs already", p.name)
	}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Close() // the child has its own
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	spawn := p.Spawn
	if spawn == nil {
		spawn = (*exec.Cmd).Start
	}
	if err := spawn(cmd); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	l := &life{cmd: cmd, ended: make(chan struct{})}
	// Owned by p: ends with the process, which Kill ends.
	go func() {
		l.err = cmd.Wait()
		close(l.ended)
	}()
	p.life = l
}

// Running reports whether the process was started and has not ended, be it by itself.
func (p *Process) Running() bool {
	if p.life == nil {
		return false
	}
	select {
	case <-p.life.ended:
		return false
	default:
		return true
	}
}

// PID is the process's id; 0 when it does not run.
func (p *Process) PID() int {
	if !p.Running() {
		return 0
	}
	return p.life.cmd.Process.Pid
}

// Kill ends the process as kill -9 does, and waits for it. One that does not run stays as it is.
func (p *Process) Kill() {
	if p.life == nil {
		return
	}
	_ = p.life.cmd.Process.Kill() // it may have ended by itself
	<-p.life.ended
	p.life = nil
}

// Signal sends a signal to the running process.
func (p *Process) Signal(sig os.Signal) {
	p.t.Helper()
	if p.life == nil {
		p.t.Fatalf("%s does not run", p.name)
	}
	if err := p.life.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// Wait waits until the process ends by itself, and gives its exit status; -1: a signal ended it.
func (p *Process) Wait(limit time.Duration) int {
	p.t.Helper()
	if p.life == nil {
		p.t.Fatalf("%s does not run", p.name)
	}
	select {
	case <-p.life.ended:
	case <-time.After(limit):
		p.t.Fatalf("%s still runs after %s", p.name, limit)
	}
	err := p.life.err
	p.life = nil
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil:
		p.t.Fatalf("%s: %v", p.name, err)
	}
	return 0
}

// Log is all that the process wrote, in all its lives.
func (p *Process) Log() string {
	raw, err := os.ReadFile(filepath.Clean(p.log))
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
