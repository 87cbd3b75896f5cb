package floor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"electnode/internal/durable"
	"electnode/internal/quorum"
)

// patience bounds every step.
const patience = 10 * time.Second

// Took is how long the steps of one walk along the path took, by kind, and all of them together.
type Took struct {
	Parts map[Kind]time.Duration
	Total time.Duration
}

// Floor walks along the path. One goroutine owns it.
type Floor struct {
	program string // see Serve
	store   *durable.Store
	epoch   quorum.Epoch

	peer *process // answers
	conn net.Conn // to peer, kept
}

// New makes a floor whose durable writes go to dir, which must be on the file system that the servers use. program is
// one that calls Serve when it is started with Argument: the test binary mostly.
func New(program, dir string) (*Floor, error) {
	store, _, err := durable.Open(durable.OS{}, dir, "")
	if err != nil {
		return nil, err
	}
	f := &Floor{program: program, store: store}
	if f.peer, err = spawn(program); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	if f.conn, err = f.peer.dial(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close ends the processes.
func (f *Floor) Close() error {
	f.peer.kill()
	if f.conn != nil {
		_ = f.conn.Close() // its peer is dead
	}
	return f.store.Close()
}

// Walk takes all steps of the path, one after the other.
func (f *Floor) Walk() (Took, error) {
	victim, err := spawn(f.program)
	if err != nil {
		return Took{}, err
	}
	defer victim.kill()
	last, err := victim.dial()
	if err != nil {
		return Took{}, err
	}
	defer last.Close()
	took := Took{Parts: map[Kind]time.Duration{}}
	conn := f.conn
	begun := time.Now()
	before := begun
	for _, s := range Path() {
		switch s.Kind {
		case Death:
			err = victim.die(last)
		case Trip:
			err = trip(conn)
		case Connect:
			if conn, err = f.peer.dial(); err == nil {
				defer conn.Close()
			}
		case Write:
			err = f.write()
		}
		if err != nil {
			return took, fmt.Errorf("%s: %w", s.Kind, err)
		}
		now := time.Now()
		took.Parts[s.Kind] += now.Sub(before)
		before = now
	}
	took.Total = before.Sub(begun)
	return took, nil
}

// write makes a number durable: by turns the one of the two epochs that is behind.
func (f *Floor) write() error {
	if e := f.store.Epochs(); e.Current < e.Accepted {
		return f.store.WriteCurrent(f.epoch)
	}
	f.epoch++
	return f.store.WriteAccepted(f.epoch)
}

// size is that of a message, in bytes: a packet of the quorum port has about as many.
const size = 64

// trip sends a message and waits for the answer.
func trip(conn net.Conn) error {
	var b [size]byte
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.Write(b[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, b[:])
	return err
}

// Argument is the only argument of a program that is to call Serve.
const Argument = "electnode-floor-peer"

// Serve answers every message on a port of loopback that it writes to out, and returns when in ends: that is when who
// started it is gone.
func Serve(in io.Reader, out io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	// Owned by the listener: ends when it is closed below.
	go accept(ln)
	if _, err := fmt.Fprintln(out, ln.Addr()); err != nil {
		return errors.Join(err, ln.Close())
	}
	_, err = io.Copy(io.Discard, in)
	return errors.Join(err, ln.Close())
}

func accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		// Owned by the connection: ends when the other side closes it.
		go func() {
			defer conn.Close()
			var b [size]byte
			for {
				if _, err := io.ReadFull(conn, b[:]); err != nil {
					return
				}
				if _, err := conn.Write(b[:]); err != nil {
					return
				}
			}
		}()
	}
}

// process is a child that serves.
type process struct {
	cmd  *exec.Cmd
	addr string
	in   io.Closer // the child ends when it is closed
}

func spawn(program string) (*process, error) {
	cmd := exec.Command(program, Argument)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, in: in}
	if _, err := fmt.Fscanln(out, &p.addr); err != nil {
		p.kill()
		return nil, fmt.Errorf("%s does not say where it listens: %w", program, err)
	}
	return p, nil
}

func (p *process) dial() (net.Conn, error) { return net.DialTimeout("tcp", p.addr, patience) }

// die kills the process and returns when its peer at conn knows.
func (p *process) die(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	n, err := conn.Read(make([]byte, 1))
	switch {
	case err == nil:
		return fmt.Errorf("%d bytes of a dead process", n)
	case os.IsTimeout(err):
		return err
	}
	return nil // the end of the connection, in one way or another
}

// kill ends the process and waits for it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be dead
	_ = p.in.Close()         // nobody reads it any more
	_ = p.cmd.Wait()         // says only that it was killed
}
