package identity

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"electnode/internal/names"
)

// comesFrom says why from is no address that hosts lead to now; nil: it is one. An older answer serves for a name
// that cannot be looked up, if the resolver has one.
func (g *Guard) comesFrom(ctx context.Context, from net.Addr, hosts []string) error {
	parsed, err := netip.ParseAddrPort(from.String())
	if err != nil {
		return errors.New("it has no IP address")
	}
	addr := parsed.Addr().Unmap()
	var names, known []string
	for _, host := range hosts {
		ip, err := netip.ParseAddr(host)
		switch {
		case err != nil:
			names = append(names, host)
		case same(ip, addr):
			return nil
		default:
			known = append(known, host)
		}
	}
	found, told := g.lookUp(ctx, addr, names)
	if found {
		return nil
	}
	return fmt.Errorf("%s is none of its addresses: %s", addr, strings.Join(append(known, told...), ", "))
}

// answer is what a look-up came to.
type answer struct {
	host string
	ips  []netip.Addr
	err  error
}

// lookUp reports whether one of names leads to addr, or else where each of them leads, for people.
func (g *Guard) lookUp(ctx context.Context, addr netip.Addr, names []string) (found bool, told []string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, len(names)) // each look-up gives one
	for _, name := range names {
		// Ends with the look-up, which ctx bounds; all are waited for below.
		go func() { answers <- g.resolve(ctx, addr, name) }()
	}
	for range names {
		a := <-answers
		if found {
			continue // it was ended, and says nothing
		}
		if leads(a.ips, addr) {
			found = true
			cancel()
		}
		told = append(told, a.String())
	}
	return found, told
}

// resolve looks a name up. An older answer that leads to addr will do; else the present one is waited for, because the
// server may have moved. Where there is none, the older one is what a person should see.
func (g *Guard) resolve(ctx context.Context, addr netip.Addr, name string) answer {
	a := g.ask(ctx, name)
	if a.err != nil && len(a.ips) > 0 && !leads(a.ips, addr) {
		if now := g.ask(names.Fresh(ctx), name); now.err == nil {
			return now
		}
	}
	return a
}

// ask looks a name up once; an answer without an address is an error.
func (g *Guard) ask(ctx context.Context, name string) answer {
	a := answer{host: name}
	texts, err := g.opt.Resolver.Lookup(ctx, name)
	for _, text := range texts {
		if ip, err := netip.ParseAddr(text); err == nil {
			a.ips = append(a.ips, ip)
		}
	}
	if a.err = err; err == nil && len(a.ips) == 0 {
		a.err = errors.New("it leads to no address")
	}
	return a
}

// String is the answer for people.
func (a answer) String() string {
	if a.err != nil && len(a.ips) > 0 {
		return fmt.Sprintf("%s (%s; %v)", a.host, strings.Trim(fmt.Sprint(a.ips), "[]"), a.err)
	}
	if a.err != nil {
		return fmt.Sprintf("%s (%v)", a.host, a.err)
	}
	return fmt.Sprintf("%s (%s)", a.host, strings.Trim(fmt.Sprint(a.ips), "[]"))
}

// leads reports whether addr is among ips.
func leads(ips []netip.Addr, addr netip.Addr) bool {
	return slices.ContainsFunc(ips, func(ip netip.Addr) bool { return same(ip, addr) })
}

// same compares a configured address with that of a connection, in both spellings of IPv4. A configured zone must be
// that of the connection; without one, every link will do.
func same(configured, addr netip.Addr) bool {
	configured = configured.Unmap()
	if configured.Zone() == "" {
		return configured == addr.WithZone("")
	}
	return configured.WithZone(zoneName(configured.Zone())) == addr.WithZone(zoneName(addr.Zone()))
}

// zoneName is the name of an interface that may be given by its number.
func zoneName(zone string) string {
	n, err := strconv.Atoi(zone)
	if err != nil {
		return zone
	}
	i, err := net.InterfaceByIndex(n)
	if err != nil {
		return zone
	}
	return i.Name
}
