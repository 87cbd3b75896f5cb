package crowd

import "time"

// Rate is how often something may happen: Burst times at once, and once more in each Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// Bucket is how often it may still happen. The zero value is a full one. One goroutine uses it at a time.
type Bucket struct {
	spent int       // of the burst
	at    time.Time // when the last part of it came back
}

// Take reports whether it may happen at now, and counts it.
func (b *Bucket) Take(r Rate, now time.Time) bool {
	b.refill(r, now)
	if b.spent >= r.Burst {
		return false
	}
	if b.spent == 0 {
		b.at = now
	}
	b.spent++
	return true
}

// Wait takes one in any case, and says how long to wait before it is due; 0: not at all.
func (b *Bucket) Wait(r Rate, now time.Time) time.Duration {
	if b.Take(r, now) {
		return 0
	}
	b.spent++
	return b.at.Add(r.Every * time.Duration(b.spent-r.Burst)).Sub(now)
}

// Full reports whether nothing was taken that has not come back by now.
func (b *Bucket) Full(r Rate, now time.Time) bool {
	b.refill(r, now)
	return b.spent == 0
}

func (b *Bucket) refill(r Rate, now time.Time) {
	n := int(min(now.Sub(b.at)/r.Every, time.Duration(b.spent)))
	if n <= 0 {
		return
	}
	b.spent -= n
	b.at = b.at.Add(r.Every * time.Duration(n))
}

// Hosts gives each host a bucket of its own, but no more than Most: the others share one.
type Hosts struct {
	Rate Rate
	Most int

	buckets map[string]*Bucket
	others  Bucket
}

// Take reports whether host may do it once more at now, and counts it.
func (h *Hosts) Take(host string, now time.Time) bool {
	b := h.buckets[host]
	if b == nil {
		if len(h.buckets) >= h.Most {
			h.forget(now)
		}
		if len(h.buckets) >= h.Most {
			return h.others.Take(h.Rate, now)
		}
		if h.buckets == nil {
			h.buckets = map[string]*Bucket{}
		}
		b = new(Bucket)
		h.buckets[host] = b
	}
	return b.Take(h.Rate, now)
}

// forget drops the buckets that are full again: a new one is the same.
func (h *Hosts) forget(now time.Time) {
	for host, b := range h.buckets {
		if b.Full(h.Rate, now) {
			delete(h.buckets, host)
		}
	}
}
