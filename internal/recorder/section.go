package recorder

// section keeps lines of one election in their order: the first that fit into its head, and the last that fit
// into its tail. What lies between is left out.
type section struct {
	headMax int
	head    []byte // packed
	tail    ring
	n       int  // lines in the head
	full    bool // the head takes no more
}

func newSection(head, tail int) section { return section{headMax: head, tail: ring{max: tail}} }

// add keeps a line, if there is room for it.
func (s *section) add(seq uint64, text []byte) {
	need := len(s.head) + headerSize + len(text)
	if need > s.headMax {
		s.full = true // from now on, so that the order stays
	}
	if s.full {
		s.tail.push(seq, text)
		return
	}
	if need > cap(s.head) {
		s.head = append(make([]byte, 0, min(s.headMax, max(need, 2*cap(s.head), 1<<10))), s.head...)
	}
	s.head = appendEntry(s.head, seq, text)
	s.n++
}

// lines is how many lines are kept.
func (s *section) lines() int { return s.n + s.tail.n }

// size is the memory that is taken.
func (s *section) size() int { return cap(s.head) + len(s.tail.buf) }

// packed is a copy of all lines.
func (s *section) packed() []byte {
	out := make([]byte, len(s.head)+s.tail.used)
	n := copy(out, s.head)
	if s.tail.used > 0 {
		s.tail.read(s.tail.head, out[n:])
	}
	return out
}

// merge makes one packed text of several, by the numbers of the lines.
func merge(parts ...[]byte) []byte {
	total := 0
	for _, p := range parts {
		total += len(p)
	}
	out := make([]byte, 0, total)
	for len(out) < total {
		first := -1
		for i, p := range parts {
			if len(p) > 0 && (first < 0 || seqOf(p) < seqOf(parts[first])) {
				first = i
			}
		}
		n := sizeOf(parts[first])
		out = append(out, parts[first][:n]...)
		parts[first] = parts[first][n:]
	}
	return out
}
