package logging

import (
	"io"
	"sync"
	"time"
)

// pipeSize is how many bytes of lines may wait for a writer that does not take them: some thousand lines.
const pipeSize = 1 << 20

// Pipe is a writer that never blocks: lines wait for a goroutine that writes them to where that may take its time.
// When too many wait the oldest are lost and counted. Safe for use by many goroutines.
type Pipe struct {
	mu    sync.Mutex
	lines [][]byte
	size  int
	lost  uint64
	more  chan struct{} // one token: there are lines
	quit  chan struct{}
	once  sync.Once
	done  chan struct{}
}

// NewPipe makes a pipe to w and starts its goroutine; Close ends it.
func NewPipe(w io.Writer) *Pipe {
	p := &Pipe{more: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	// Owned by the pipe, ended by Close; a writer that never returns is left behind.
	go p.run(w)
	return p
}

// Write takes one line. It keeps nothing of b and never fails.
func (p *Pipe) Write(b []byte) (int, error) {
	line := append([]byte(nil), b...)
	p.mu.Lock()
	p.lines = append(p.lines, line)
	p.size += len(line)
	for p.size > pipeSize && len(p.lines) > 1 {
		p.size -= len(p.lines[0])
		p.lines[0] = nil
		p.lines = p.lines[1:]
		p.lost++
	}
	p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

// Lost is how many lines were lost since the last call.
func (p *Pipe) Lost() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.lost
	p.lost = 0
	return n
}

// Stuck reports whether so much waits that another line would probably cost an older one.
func (p *Pipe) Stuck() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size > pipeSize/2
}

// Close writes what waits, within limit, and ends the goroutine. Lines that come later are lost.
func (p *Pipe) Close(limit time.Duration) {
	p.once.Do(func() { close(p.quit) })
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	}
}

func (p *Pipe) run(w io.Writer) {
	defer close(p.done)
	for {
		for line := p.next(); line != nil; line = p.next() {
			_, _ = w.Write(line) // there is nobody to tell
		}
		select {
		case <-p.more:
		case <-p.quit:
			for line := p.next(); line != nil; line = p.next() {
				_, _ = w.Write(line)
			}
			return
		}
	}
}

// next takes the oldest line; nil: there is none.
func (p *Pipe) next() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.lines) == 0 {
		return nil
	}
	line := p.lines[0]
	p.lines[0] = nil
	p.lines = p.lines[1:]
	p.size -= len(line)
	return line
}
