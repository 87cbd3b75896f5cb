package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// patience is how long a look-up may take before the last good answer serves: far less than an election's wait,
	// and far more than a name service nearby needs.
	patience = 50 * time.Millisecond
	// lookupTime ends a look-up that nobody waits for any more; the system's resolver takes 10 s by default.
	lookupTime = 10 * time.Second
	// listenTime is how long an address to listen on may take to be looked up when it never was before.
	listenTime = 2 * time.Second
)

// ErrOld is what every error wraps that comes with addresses: they are the last good answer.
var ErrOld = errors.New("the last good answer serves")

// Network is what a Book stands in front of.
type Network interface {
	Dial(ctx context.Context, addr string) (net.Conn, error)
	Listen(addr string) (net.Listener, error)
	Lookup(ctx context.Context, host string) ([]string, error)
}

// Book is a network that remembers where the names lead that it was told to keep. Safe from any goroutine.
type Book struct {
	Network

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu     sync.Mutex // guards what follows; held for no longer than a look
	kept   map[string][]string
	asking map[string]*question
}

// question is a look-up under way; those who ask meanwhile wait for the same.
type question struct {
	done chan struct{} // closed when what follows is set
	ips  []string
	err  error
}

// NewBook makes a book that remembers nothing yet. Close ends what it started.
func NewBook(inner Network) *Book {
	b := &Book{Network: inner, kept: map[string][]string{}, asking: map[string]*question{}}
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

// Close ends the look-ups that are under way and waits for them.
func (b *Book) Close() {
	b.mu.Lock()
	b.stop() // no look-up begins any more
	b.mu.Unlock()
	b.wg.Wait()
}

// Keep says which names matter: the hosts of the configuration. Only their answers are remembered, so that nobody
// outside decides how much memory that takes.
func (b *Book) Keep(hosts []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := map[string][]string{}
	for _, h := range hosts {
		kept[h] = b.kept[h]
	}
	b.kept = kept
}

// Leading lists the names to keep that led to ip when they were looked up last.
func (b *Book) Leading(ip string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for name, ips := range b.kept {
		if slices.Contains(ips, ip) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// Lookup gives where host leads now. A name to keep that has led somewhere before has an answer within 50 ms: when
// the present one cannot be had, or not so soon, the last good one comes with an error that wraps ErrOld. The look-up
// goes on meanwhile, and the next caller has what it finds. See Fresh for who wants nothing but the present one.
func (b *Book) Lookup(ctx context.Context, host string) ([]string, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		return []string{host}, nil
	}
	q, old, slow := b.ask(host)
	if q == nil {
		return b.Network.Lookup(ctx, host) // a stranger's: nobody else's business
	}
	if len(old) == 0 || fresh(ctx) {
		return q.wait(ctx)
	}
	if !slow {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		ips, err := q.wait(limited)
		if err == nil {
			return ips, nil
		}
		if ctx.Err() == nil && limited.Err() == nil {
			return old, fmt.Errorf("%w: %w", err, ErrOld)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return old, fmt.Errorf("%s: the name service takes its time: %w", host, ErrOld)
}

// ask begins a look-up, or finds the one that is under way, which is then slow; nil: not a name to keep.
func (b *Book) ask(host string) (q *question, old []string, slow bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, keep := b.kept[host]
	if !keep || b.ctx.Err() != nil {
		return nil, nil, false
	}
	if q := b.asking[host]; q != nil {
		return q, old, true
	}
	q = &question{done: make(chan struct{})}
	b.asking[host] = q
	// Owned by the book: ends with the look-up, which Close cancels.
	b.wg.Go(func() { b.answer(host, q) })
	return q, old, false
}

func (b *Book) answer(host string, q *question) {
	ctx, cancel := context.WithTimeout(b.ctx, lookupTime)
	defer cancel()
	q.ips, q.err = b.Network.Lookup(ctx, host)
	b.mu.Lock()
	delete(b.asking, host)
	if _, keep := b.kept[host]; keep && q.err == nil && len(q.ips) > 0 {
		b.kept[host] = slices.Clone(q.ips)
	}
	b.mu.Unlock()
	close(q.done)
}

func (q *question) wait(ctx context.Context) ([]string, error) {
	select {
	case <-q.done:
		return slices.Clone(q.ips), q.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Listen binds host:port at the first address of host that can be bound, the last known ones if need be.
func (b *Book) Listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if _, literal := netip.ParseAddr(host); err != nil || literal == nil || host == "" {
		return b.Network.Listen(addr)
	}
	ctx, cancel := context.WithTimeout(b.ctx, listenTime)
	defer cancel()
	ips, err := b.Lookup(ctx, host)
	if len(ips) == 0 {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	var errs []error
	for _, ip := range ips {
		ln, err := b.Network.Listen(net.JoinHostPort(ip, port))
		if err == nil {
			return ln, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
