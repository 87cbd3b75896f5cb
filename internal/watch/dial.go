package watch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"electnode/internal/event"
	"electnode/internal/names"
)

// connect tries the addresses of a link in their order, all that their names lead to now, until one answers.
// The failure is that of the last one tried.
func (l *link) connect(ctx context.Context) (net.Conn, string, *failure) {
	failed := &failure{reason: FailNoAddress, err: errors.New("no address to dial")}
	var last string
	for _, addr := range *l.addresses.Load() {
		last = addr
		ips, err := l.lookup(ctx, addr)
		if err != nil {
			failed = dialFailure(err)
			l.attempted(ctx, addr, 0, failed)
			continue
		}
		for _, ip := range ips {
			began := time.Now()
			conn, err := l.dial(named(ctx, addr), ip)
			if err == nil {
				l.attempted(ctx, ip, time.Since(began), nil)
				return conn, addr, nil
			}
			failed = dialFailure(err)
			l.attempted(ctx, ip, time.Since(began), failed)
		}
	}
	return nil, last, failed
}

// named says in a context that the host of addr is dialled, for TLS.
func named(ctx context.Context, addr string) context.Context {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return ctx
	}
	return names.For(ctx, host)
}

func (l *link) dial(ctx context.Context, addr string) (net.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, l.opt.ConnectTimeout)
	defer cancel()
	return l.opt.Network.Dial(limited, addr)
}

// lookup turns host:port into as many addresses as its name has now.
func (l *link) lookup(ctx context.Context, addr string) ([]string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(host) != nil {
		return []string{addr}, nil
	}
	limited, cancel := context.WithTimeout(ctx, l.opt.ConnectTimeout)
	defer cancel()
	ips, err := l.opt.Network.Lookup(limited, host)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	ips = slices.DeleteFunc(slices.Clone(ips), unspecified)
	ips = ips[:min(len(ips), maxAddresses)]
	if err == nil && len(ips) == 0 {
		err = fmt.Errorf("%s leads to no address to dial", host)
	}
	resolved := event.PeerResolved{Peer: l.peer(), Host: host, Addresses: ips}
	if err != nil {
		resolved.Addresses, resolved.Detail = nil, err.Error()
		l.events.Emit(resolved)
		return nil, err
	}
	l.events.Emit(resolved)
	all := make([]string, 0, len(ips))
	for _, ip := range ips {
		all = append(all, net.JoinHostPort(ip, port))
	}
	return all, nil
}

// attempted tells of a dial, unless the link was told to end meanwhile.
func (l *link) attempted(ctx context.Context, addr string, took time.Duration, f *failure) {
	e := event.ConnectionAttempt{Peer: l.peer(), Address: addr, Result: event.DialConnected, Duration: took}
	if f != nil {
		if ctx.Err() != nil {
			return
		}
		e.Result, e.Detail = f.dialResult(), f.err.Error()
	}
	l.events.Emit(e)
}
