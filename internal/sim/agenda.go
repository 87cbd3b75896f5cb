package sim

import "time"

// agenda is what will be done and when: by time, equal times by order of making. The heap holds no pointers, so
// that moving its entries costs no more than moving numbers.
type agenda struct {
	heap []entry
	do   []func() // by entry.slot
	free []int32  // slots of do that nobody uses
	seq  uint64
}

type entry struct {
	at   int64 // nanoseconds of Unix time
	seq  uint64
	slot int32
}

func (e entry) before(o entry) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

// add has do done at the instant at.
func (a *agenda) add(at time.Time, do func()) {
	var slot int32
	if n := len(a.free); n > 0 {
		slot, a.free = a.free[n-1], a.free[:n-1]
		a.do[slot] = do
	} else {
		slot = int32(len(a.do))
		a.do = append(a.do, do)
	}
	a.seq++
	a.heap = append(a.heap, entry{at.UnixNano(), a.seq, slot})
	for i := len(a.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !a.heap[i].before(a.heap[up]) {
			return
		}
		a.heap[i], a.heap[up] = a.heap[up], a.heap[i]
		i = up
	}
}

// next is when the first entry is due; false: there is none.
func (a *agenda) next() (at int64, ok bool) {
	if len(a.heap) == 0 {
		return 0, false
	}
	return a.heap[0].at, true
}

// take removes the first entry.
func (a *agenda) take() func() {
	slot, last := a.heap[0].slot, len(a.heap)-1
	a.heap[0] = a.heap[last]
	a.heap = a.heap[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if a.heap[child].before(a.heap[least]) {
				least = child
			}
		}
		if least == i {
			break
		}
		a.heap[i], a.heap[least] = a.heap[least], a.heap[i]
		i = least
	}
	do := a.do[slot]
	a.do[slot] = nil
	a.free = append(a.free, slot)
	return do
}
