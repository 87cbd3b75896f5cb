package crowd

import (
	"net"
	"net/netip"
)

// Bounds are the places that there are.
type Bounds struct {
	All     int // for everybody together
	PerHost int // for one host; it may be as many as All
}

// Place is a place that is taken, as far as it matters to who gives way.
type Place struct {
	Host string // as HostOf says
	Rank int    // how much whoever has it has proved; 0 is nothing. Less gives way before more
}

// Yields is the index of the place that has to be left before one more of host fits in, or -1: there is room.
// places are in the order in which they are to be left, by age for example. Of the lowest rank the first place
// of the host that has most goes, so that a flood from one host crowds out itself; when host has all that one
// may have, it is one of its own. Whoever asks decides whether the newcomer is worth that.
func (b Bounds) Yields(places []Place, host string) int {
	own := 0
	for _, p := range places {
		if p.Host == host {
			own++
		}
	}
	if own >= b.PerHost && own > 0 {
		return first(places, func(p Place) bool { return p.Host == host })
	}
	if len(places) >= b.All {
		return first(places, func(Place) bool { return true })
	}
	return -1
}

// first is the first place of the host that has most of the lowest rank among those that may be chosen; -1:
// none may.
func first(places []Place, may func(Place) bool) int {
	lowest := -1
	for i, p := range places {
		if may(p) && (lowest < 0 || p.Rank < places[lowest].Rank) {
			lowest = i
		}
	}
	if lowest < 0 {
		return -1
	}
	count := map[string]int{}
	for _, p := range places {
		if may(p) && p.Rank == places[lowest].Rank {
			count[p.Host]++
		}
	}
	victim := lowest
	for i, p := range places {
		if may(p) && p.Rank == places[lowest].Rank && count[p.Host] > count[places[victim].Host] {
			victim = i
		}
	}
	return victim
}

// HostOf is who stands behind a remote address, host:port: the IPv4 address, or the first 64 bits of an IPv6
// address, which is what one host has to itself. What is no IP address stands for itself.
func HostOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.WithZone("").Unmap()
	if ip.Is4() || ip.IsLoopback() {
		return ip.String()
	}
	net, err := ip.Prefix(64)
	if err != nil {
		return host
	}
	return net.String()
}
