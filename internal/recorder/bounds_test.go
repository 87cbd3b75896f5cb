package recorder

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// heap is what is alive on the heap.
func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestStorm records many events in hundreds of elections, some of them gigantic: the memory stays within
// its bounds, by the recorder's own account and by the heap's.
func TestStorm(t *testing.T) {
	const size = 4 << 20
	before := heap()
	l := newLife(t, Options{Bytes: size})
	text := strings.Repeat("hostile ", 20)
	events := 0
	for election := 0; events < many; election++ {
		l.look(event.ReasonQuorumLost)
		if election%3 == 0 {
			l.settle(quorum.Epoch(election))
		}
		n := 1000
		if election%100 == 50 {
			n = 200_000
		}
		for i := range n {
			l.pass(100 * time.Microsecond)
			switch i % 3 {
			case 0:
				l.emit(&event.NotificationReceived{Peer: quorum.SID(i), Outcome: event.ReceivedMalformed, Detail: text})
			case 1:
				l.emit(event.HandshakeRejected{Remote: text, Detail: text})
			default:
				l.emit(event.ConnectionDown{Peer: 2, Detail: text})
			}
		}
		events += n
		if got := l.taken(); got > size {
			t.Fatalf("%d bytes after %d elections", got, election)
		}
	}
	const queue = 4096 * 72 * 3 / 2
	if grown := heap() - before - queue; grown > size {
		t.Errorf("the heap grew by %d bytes, %d are allowed", grown, size)
	}
	if l.taken() < size/2 || len(l.r.Elections()) < 10 {
		t.Errorf("%d bytes hold %d elections", l.taken(), len(l.r.Elections()))
	}
	runtime.KeepAlive(l)
}

// TestGigantic: of an election without bounds head and tail are kept, and the count of what is missing is exact,
// while it runs and afterwards.
func TestGigantic(t *testing.T) {
	l := newLife(t, Options{Bytes: 1 << 20})
	l.look(event.ReasonStart)
	for i := range 100_000 {
		l.emit(event.RoundChanged{To: quorum.Round(i), Cause: event.RoundBehindPeer, Peer: 2})
	}
	l.settle(4)
	for range 2 {
		rec := l.must("1")
		all := names(t, rec)
		if all[1] != "ElectionStarted" || !slices.Contains(all, "ElectionDecided") || !slices.Contains(all, "LeaderEstablished") {
			t.Errorf("head %v, tail %v", all[:3], all[len(all)-3:])
		}
		sum := rec.Summary
		gaps := slices.DeleteFunc(all, func(n string) bool { return n != "EventsDropped" })
		if sum.LeftOut < 90_000 || leftOut(t, rec) != sum.LeftOut || uint64(len(rec.Lines)-len(gaps))+sum.LeftOut != sum.Events {
			t.Errorf("%d lines with %d gaps say that %d are left out: %+v", len(rec.Lines), len(gaps), leftOut(t, rec), sum)
		}
		if sum.Bytes > 1<<16 || sum.Bytes < 1<<15 || len(gaps) != 1 {
			t.Errorf("%d bytes, %d gaps", sum.Bytes, len(gaps))
		}
		l.look(event.ReasonStart)
	}
}

// TestBadOneSurvives what may come after it: ten thousand good elections, a quiet month, and a storm of bad ones.
func TestBadOneSurvives(t *testing.T) {
	l := newLife(t, Options{Bytes: 2 << 20})
	l.good(1)
	l.wrong() // election 2
	for i := range 10_000 {
		l.good(quorum.Epoch(i + 2))
	}
	if got := l.must("2"); len(got.Summary.Bad) == 0 || len(got.Lines) != 7 {
		t.Errorf("after many good ones: %+v", got.Summary)
	}
	if _, ok := l.r.Election("1"); ok {
		t.Error("a good one of old times is still there")
	}

	l.look(event.ReasonLeaderLost) // 10003: a month under one leader
	l.settle(20_000)
	kept := len(l.r.Elections())
	for i := range many {
		l.pass(30 * 24 * time.Hour / many)
		l.emit(event.HeartbeatAnswered{Peer: 2})
		if i == many/2 {
			l.emit(event.FollowerJoined{Peer: 2}) // what is worth to be kept of a quiet month
		}
		if i%10 == 0 {
			l.emit(event.ConnectionAttempt{Peer: 3, Result: event.DialRefused, Detail: "connection refused"})
		}
	}
	l.lose(20_000)
	quiet := l.must("10003")
	all := names(t, quiet)
	if !slices.Contains(all, "LeaderEstablished") || !slices.Contains(all, "FollowerJoined") || !slices.Contains(all, "LeaderLost") || quiet.Summary.Bytes > 32<<10 ||
		leftOut(t, quiet) != quiet.Summary.LeftOut || len(quiet.Summary.Bad) != 0 {
		t.Errorf("a quiet month: %+v", quiet.Summary)
	}
	if l.must("2"); len(l.r.Elections()) < kept-8 {
		t.Errorf("a quiet month left %d elections of %d", len(l.r.Elections()), kept)
	}

	const storm = 5000
	for range storm { // from 10004 on
		l.wrong()
	}
	for i := range 5000 {
		l.good(quorum.Epoch(i + 30_000))
	}
	l.must("2")
	l.must("10004") // the storm's first
	bad := 0
	for _, s := range l.r.Elections() {
		if len(s.Bad) > 0 {
			bad++
		}
	}
	if bad < 20 || bad > storm/2 || l.taken() > 2<<20 {
		t.Errorf("%d bad ones in %d bytes", bad, l.taken())
	}
}
