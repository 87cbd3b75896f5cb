package recorder

import "slices"

// shelf is where closed recordings stand, oldest first: the recent ones and, older than these, those that went
// badly. Each kind has bytes of its own.
type shelf struct {
	recent, bad   []*recording
	recentB, badB int // bytes that they take
}

// put takes a closed recording in; room and badRoom are what each kind may take. What has to go leaves in the order
// of time; if it went badly it moves to the bad ones.
func (s *shelf) put(r *recording, room, badRoom int) {
	s.recent = append(s.recent, r)
	s.recentB += r.size()
	n := 0
	for s.recentB > room && n < len(s.recent) {
		old := s.recent[n]
		n++
		s.recentB -= old.size()
		if len(old.final.Bad) > 0 {
			s.bad = append(s.bad, old)
			s.badB += old.size()
		}
	}
	s.recent = slices.Delete(s.recent, 0, n)
	for s.badB > badRoom && len(s.bad) > 0 {
		i := s.victim()
		s.badB -= s.bad[i].size()
		s.bad = slices.Delete(s.bad, i, i+1)
	}
}

// victim is the bad election that tells least: the one that began soonest after the one before it. So a storm
// keeps its first election and loses of the others; what stands alone in time stays.
func (s *shelf) victim() int {
	if len(s.bad) == 1 {
		return 0
	}
	best := 1
	for i := 2; i < len(s.bad); i++ {
		if s.gap(i) < s.gap(best) {
			best = i
		}
	}
	return best
}

// gap is the time between the starts of a bad election and the one before it, by the monotonic clock.
func (s *shelf) gap(i int) int64 {
	return int64(s.bad[i].final.Start.Sub(s.bad[i-1].final.Start).Abs())
}

// all lists every recording, oldest first.
func (s *shelf) all() []*recording { return slices.Concat(s.bad, s.recent) }
