package watch

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"electnode/internal/quorum"
)

// Target is an election port to begin with.
type Target struct {
	// SID is the server behind Address; NoSID: to be found out. With a sid the server is asked here whatever
	// the ensemble's configuration says: for addresses that lead through a tunnel or a published port.
	SID     quorum.SID
	Address string // host:port; names are resolved at each dial
}

// String prints the target as ParseTarget reads it.
func (t Target) String() string {
	if t.SID == quorum.NoSID {
		return t.Address
	}
	return t.SID.String() + "=" + t.Address
}

// ParseTarget reads host:port or sid=host:port; IPv6 stands in brackets.
func ParseTarget(text string) (Target, error) {
	t := Target{SID: quorum.NoSID, Address: text}
	if id, addr, ok := strings.Cut(text, "="); ok {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || quorum.SID(n) == quorum.AnonymousSID || quorum.SID(n) == quorum.NoSID {
			return Target{}, fmt.Errorf("target %.200q: %.40q is not a server id", text, id)
		}
		t.SID, t.Address = quorum.SID(n), addr
	}
	host, port, err := net.SplitHostPort(t.Address)
	if err != nil {
		return Target{}, fmt.Errorf("target %.200q: want host:port, the election port (3888 by convention)", text)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return Target{}, fmt.Errorf("target %.200q: %.20q is no port from 1 to 65535", text, port)
	}
	if host == "" || unspecified(host) {
		return Target{}, fmt.Errorf("target %.200q: a host is missing", text)
	}
	t.Address = net.JoinHostPort(quorum.NormalHost(host), port)
	return t, nil
}

// unspecified reports whether host means every address of a machine: 0.0.0.0 or ::, in any spelling.
func unspecified(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.WithZone("").Unmap().IsUnspecified()
}

// electionAddresses lists where m is dialled, as ParseTarget spells it; what that refuses is left out, a
// wildcard and port 0 for example.
func electionAddresses(m quorum.Member) []string {
	var all []string
	for _, a := range m.Addresses {
		t, err := ParseTarget(Target{quorum.NoSID, net.JoinHostPort(a.Host, strconv.Itoa(a.ElectionPort))}.String())
		if err == nil && t.SID == quorum.NoSID && len(all) < maxAddresses {
			all = append(all, t.Address)
		}
	}
	return all
}
