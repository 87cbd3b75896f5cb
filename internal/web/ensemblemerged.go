package web

import (
	"sync"

	"electnode/internal/recorder"
)

// merged keeps the last lines of several sources, numbered from 1; numbers are left out only where lines were missed.
// Safe for use by many goroutines.
type merged struct {
	token string
	most  int // bytes

	mu      sync.Mutex
	lines   [][]byte
	first   uint64 // number of the first line
	size    int
	changed chan struct{} // closed with the next line
}

func newMerged(token string, most int) *merged {
	return &merged{token: token, most: most, first: 1, changed: make(chan struct{})}
}

// lineOverhead is what a line takes beside its bytes.
const lineOverhead = 48

func (m *merged) add(line []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, line)
	m.size += len(line) + lineOverhead
	for m.size > m.most && len(m.lines) > 1 {
		m.size -= len(m.lines[0]) + lineOverhead
		m.lines[0] = nil
		m.lines = m.lines[1:]
		m.first++
	}
	close(m.changed)
	m.changed = make(chan struct{})
}

// gap notes that a source has lost n lines. What is kept goes too: what stands behind a hole would be taken for what
// followed. Who reads on is told how many are gone, who comes anew begins behind the hole.
func (m *merged) gap(n uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.first += uint64(len(m.lines)) + n
	m.lines, m.size = nil, 0
}

// Token implements Events.
func (m *merged) Token() string { return m.token }

// Read implements Events.
func (m *merged) Read(from uint64, limit int) recorder.Batch {
	m.mu.Lock()
	defer m.mu.Unlock()
	end := m.first + uint64(len(m.lines))
	if from == 0 || from >= end {
		return recorder.Batch{First: end, Next: end, Wait: m.changed}
	}
	if len(m.lines) == 0 { // behind a gap; it is told with the next line
		return recorder.Batch{First: end, Next: from, Wait: m.changed}
	}
	b := recorder.Batch{First: max(from, m.first)}
	b.Missed = b.First - from
	size := 0
	for b.Next = b.First; b.Next < end && (size < limit || size == 0); b.Next++ {
		line := m.lines[b.Next-m.first]
		b.Lines = append(b.Lines, line)
		size += len(line)
	}
	return b
}
