package quorum

import "testing"

func TestNumbersPrintAsZooKeeperDoes(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Zxid(0x500000001).String(), "0x500000001"},
		{NoZxid.String(), "0xffffffffffffffff"},
		{NoZxid.Epoch().String(), "-1"},
		{MakeZxid(5, 1).String(), "0x500000001"},
		{MakeZxid(MaxEpoch, 1<<32-1).Epoch().String(), "2147483647"},
		{Version(0x100000000).Hex(), "100000000"},
		{Version(0).String(), "0x0"},
		{SID(-5).String(), "-5"},
		{Looking.String(), "LOOKING"},
		{State(7).String(), "STATE(7)"},
		{Observer.String(), "observer"},
		{Vote{Leader: 2, Zxid: 0x500000001, PeerEpoch: 5}.String(), "(2 0x500000001 5)"},
		{Vote{Leader: NoSID, Zxid: MinZxid, PeerEpoch: MinEpoch}.String(), "(-)"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	if got := Zxid(0x5ffffffff).Counter(); got != 0xffffffff {
		t.Errorf("counter %x", got)
	}
}

func TestStates(t *testing.T) {
	for _, s := range States() {
		if !s.Valid() {
			t.Errorf("%s is not valid", s)
		}
	}
	for _, s := range []State{-1, 4} {
		if s.Valid() {
			t.Errorf("%s is valid", s)
		}
	}
}
