package qcm

import (
	"testing"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

func TestDecide(t *testing.T) {
	const (
		acc, dia = event.Acceptor, event.Dialler
		self     = quorum.SID(5)
	)
	for _, c := range []struct {
		name string
		in   meeting
		want ruling
	}{
		{"larger dials", meeting{acc, self, 6, false, false, true}, ruling{keep: true, outcome: event.TieKept}},
		{"larger dials again", meeting{acc, self, 6, true, false, true}, ruling{keep: true, outcome: event.TieReplacedOld}},
		{"larger's older connection comes late", meeting{acc, self, 6, true, true, true}, ruling{outcome: event.TieDropped}},
		{"larger stranger without address", meeting{acc, self, 6, false, false, false}, ruling{keep: true, outcome: event.TieKept}},
		{"smaller dials", meeting{acc, self, 4, false, false, true}, ruling{dialBack: true, outcome: event.TieDroppedDialled}},
		{"smaller dials again", meeting{acc, self, 4, true, false, true}, ruling{dialBack: true, outcome: event.TieDroppedDialled}},
		{"smaller dialled while it was dialled", meeting{acc, self, 4, true, true, true}, ruling{outcome: event.TieDropped}},
		{"smaller without address", meeting{acc, self, 4, false, false, false}, ruling{outcome: event.TieDropped}},
		{"negative dials", meeting{acc, self, -1, false, false, true}, ruling{dialBack: true, outcome: event.TieDroppedDialled}},
		{"negative dials negative", meeting{acc, -9, -1, false, false, true}, ruling{keep: true, outcome: event.TieKept}},
		{"to larger", meeting{dia, self, 6, false, false, true}, ruling{preamble: true, outcome: event.TieDropped}},
		{"to larger, linked meanwhile", meeting{dia, self, 6, true, false, true}, ruling{outcome: event.TieDropped}},
		{"to smaller", meeting{dia, self, 4, false, false, true}, ruling{preamble: true, keep: true, outcome: event.TieKept}},
		{"to smaller again", meeting{dia, self, 4, true, false, true}, ruling{preamble: true, keep: true, outcome: event.TieReplacedOld}},
	} {
		if got := decide(c.in); got != c.want {
			t.Errorf("%s: %+v\n got %+v\nwant %+v", c.name, c.in, got, c.want)
		}
	}
}

// TestDecideAgrees checks that of every connection exactly one of its ends' sids can keep it, and that both
// ends rule alike.
func TestDecideAgrees(t *testing.T) {
	sids := []quorum.SID{quorum.NoSID, -2, 0, 1, 2, 1 << 40}
	for _, from := range sids {
		for _, to := range sids {
			if from == to {
				continue
			}
			for _, linked := range []bool{false, true} {
				d := decide(meeting{side: event.Dialler, self: from, peer: to, linked: linked})
				a := decide(meeting{side: event.Acceptor, self: to, peer: from, linked: linked, dialable: true})
				if d.keep != a.keep || d.keep != (from > to) || a.keep == a.dialBack || d.keep && !d.preamble {
					t.Errorf("%d dials %d, linked %t: dialler %+v, acceptor %+v", from, to, linked, d, a)
				}
			}
		}
	}
}
