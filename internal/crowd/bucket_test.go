package crowd

import (
	"strconv"
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	rate := Rate{Burst: 3, Every: time.Second}
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	var b Bucket
	took := func(n int) int {
		got := 0
		for range n {
			if b.Take(rate, now) {
				got++
			}
		}
		return got
	}
	for _, step := range []struct {
		pass time.Duration
		want int // of ten
	}{{0, 3}, {0, 0}, {999 * time.Millisecond, 0}, {time.Millisecond, 1}, {2500 * time.Millisecond, 2}, {500 * time.Millisecond, 1}, {time.Hour, 3}} {
		now = now.Add(step.pass)
		if got := took(10); got != step.want {
			t.Errorf("%s later %d were given, want %d", step.pass, got, step.want)
		}
	}
	if b.Full(rate, now.Add(2*time.Second)) || !b.Full(rate, now.Add(3*time.Second)) {
		t.Error("it is full after three seconds, not after two")
	}
}

// TestWait: who waits as it is told keeps the rate.
func TestWait(t *testing.T) {
	rate := Rate{Burst: 2, Every: time.Second}
	begun := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	now := begun
	var b Bucket
	for i := range 10 {
		now = now.Add(b.Wait(rate, now))
		if want := time.Duration(max(0, i-1)) * time.Second; now.Sub(begun) != want {
			t.Errorf("number %d after %s, want %s", i, now.Sub(begun), want)
		}
	}
}

// TestHosts: one host's flood costs no other its share; hosts without end take no memory without end, and those
// that were quiet for a while are forgotten.
func TestHosts(t *testing.T) {
	h := Hosts{Rate: Rate{Burst: 2, Every: time.Second}, Most: 8}
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for range 100 {
		h.Take("flood", now)
	}
	if h.Take("flood", now) || !h.Take("member", now) {
		t.Error("a flood took another host's share, or has no end")
	}
	given := 0
	for i := range 1000 {
		if h.Take(strconv.Itoa(i), now) {
			given++
		}
	}
	if given != 6+2 || len(h.buckets) != 8 {
		t.Errorf("%d of 1000 hosts were served, %d are remembered", given, len(h.buckets))
	}
	if now = now.Add(time.Minute); !h.Take("newcomer", now) || len(h.buckets) != 1 {
		t.Errorf("%d hosts are remembered after a quiet minute", len(h.buckets))
	}
}
