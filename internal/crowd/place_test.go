package crowd

import (
	"strings"
	"testing"
)

// TestYields reads places as letters, a host each; capitals have proved something.
func TestYields(t *testing.T) {
	tests := []struct {
		name   string
		bounds Bounds
		places string
		host   string
		want   int
	}{
		{"nobody there", Bounds{2, 2}, "", "a", -1},
		{"room", Bounds{3, 3}, "ab", "a", -1},
		{"full, all alike: the oldest", Bounds{3, 3}, "abc", "d", 0},
		{"full: the oldest of the host with most", Bounds{4, 4}, "abbc", "a", 1},
		{"most of the lowest rank, not of all", Bounds{6, 6}, "AAAabb", "c", 4},
		{"proof counts more than numbers", Bounds{4, 4}, "AAAb", "a", 3},
		{"all have proved something: the host with most", Bounds{4, 4}, "ABBC", "d", 1},
		{"one host has its share, though there is room", Bounds{9, 2}, "baa", "a", 1},
		{"its share, the unproved first", Bounds{9, 2}, "Aab", "a", 1},
		{"its share, all proved", Bounds{9, 2}, "AAb", "a", 0},
		{"another's share is full", Bounds{9, 2}, "aab", "b", -1},
	}
	for _, tt := range tests {
		var places []Place
		for _, c := range tt.places {
			host := strings.ToLower(string(c))
			rank := 0
			if string(c) != host {
				rank = 1
			}
			places = append(places, Place{host, rank})
		}
		if got := tt.bounds.Yields(places, tt.host); got != tt.want {
			t.Errorf("%s: place %d of %q yields to %s, want %d", tt.name, got, tt.places, tt.host, tt.want)
		}
	}
}

func TestHostOf(t *testing.T) {
	for remote, want := range map[string]string{
		"10.0.0.7:4711": "10.0.0.7", "[::ffff:10.0.0.7]:1": "10.0.0.7", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64",
		"[2001:db8:1:2::9%eth0]:1": "2001:db8:1:2::/64", "[::1]:80": "::1", "pipe": "pipe", "name:1": "name",
	} {
		if got := HostOf(remote); got != want {
			t.Errorf("the host of %s is %s, want %s", remote, got, want)
		}
	}
}
