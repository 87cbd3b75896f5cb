package qcm

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// maxResolved is how many addresses of one name are dialled.
const maxResolved = 16

// configured lists where sid is dialled by configuration, the committed one first; empty for strangers.
// The caller holds the lock.
// Differs from ZooKeeper: there the second configuration is never tried when the first has sid.
func (m *Manager) configured(sid quorum.SID) []string { return m.targets(sid, nil) }

// ways is where p is dialled of this node's own accord: as configured, but beginning with another address after each dial that
// somebody answered and that came to nothing. A proxy without a server behind it, or who has got an address of the past,
// would hide the others for ever. The caller holds the lock.
func (m *Manager) ways(p *peer) []string { return turned(m.configured(p.sid), p.vain) }

// turned is all, beginning with the one that has the number by.
func turned(all []string, by int) []string {
	if len(all) < 2 {
		return all
	}
	by %= len(all)
	return append(slices.Clone(all[by:]), all[:by]...)
}

// targets lists the addresses first, as far as they are worth a dial, and then the configured ones, each
// once. The caller holds the lock.
func (m *Manager) targets(sid quorum.SID, first []string) []string {
	var all []string
	add := func(host string, port int) {
		if addr := dialAddress(host, port); !slices.Contains(all, addr) {
			all = append(all, addr)
		}
	}
	for _, a := range first[:min(len(first), maxPreambleAddresses)] {
		if host, port, err := splitAddress(a); err == nil {
			add(host, port)
		}
	}
	for _, v := range []*quorum.View{m.committed, m.lastSeen} {
		if v == nil {
			continue
		}
		if member, ok := v.Member(sid); ok {
			for _, a := range member.Addresses {
				add(a.Host, a.ElectionPort)
			}
		}
	}
	return all
}

// resolve turns a host into IP literals; the last good answer serves when the network has no other. Wildcards are no
// answer: dialling one leads to this machine itself.
func (m *Manager) resolve(ctx context.Context, sid quorum.SID, host string) ([]string, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		if wildcard(host) {
			return nil, fmt.Errorf("%s is no address to dial", host)
		}
		return []string{host}, nil
	}
	limited, cancel := context.WithTimeout(ctx, m.opt.ConnectTimeout)
	defer cancel()
	ips, err := m.opt.Network.Lookup(limited, host)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	ips = slices.DeleteFunc(slices.Clone(ips), wildcard)
	ips = ips[:min(len(ips), maxResolved)]
	if err == nil && len(ips) == 0 {
		err = fmt.Errorf("%s leads to no address to dial", host)
	}
	resolved := event.PeerResolved{Peer: sid, Host: host, Addresses: ips}
	if err != nil {
		resolved.Addresses, resolved.Detail = nil, err.Error()
	}
	m.opt.Events.Emit(resolved)
	if len(ips) > 0 {
		return ips, nil
	}
	return nil, err
}
