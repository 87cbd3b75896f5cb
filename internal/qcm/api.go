package qcm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// ErrListen is what Run's error wraps when every listener has given up. A server that cannot be reached
// for elections is of no use and ends.
var ErrListen = errors.New("no election address can be listened on")

// Network is how links are made: TCP in production, memory in tests (package memnet). Lookup turns a host
// name into IP literals, newest answer each time; an IP literal is returned as it is. Addresses beside an error are
// older ones, good enough for a dial (package names). Dial and Lookup end when ctx does.
type Network interface {
	Dial(ctx context.Context, addr string) (net.Conn, error)
	Listen(addr string) (net.Listener, error)
	Lookup(ctx context.Context, host string) ([]string, error)
}

// Guard judges who may speak as whom, on connections of either direction.
type Guard interface {
	// Admit says why the other side of conn may not speak as sid, in one line for people with both in it; nil: it may.
	// It is called after a TLS hand-shake, by many goroutines at once, and ends soon after ctx does. It leaves conn alone.
	Admit(ctx context.Context, conn net.Conn, sid quorum.SID) error
}

// Handler takes what the links bring. For one peer the calls are serial and in order: LinkUp, its
// frames, LinkDown. Frame may block: that link is then not read, the others are; when the context of Run
// ends, every call must return. The manager holds no lock during a call, so a call may use the manager.
// frame belongs to the handler.
type Handler interface {
	LinkUp(peer quorum.SID)
	Frame(peer quorum.SID, frame []byte)
	LinkDown(peer quorum.SID)
	// DialFailed says that all addresses of peer were tried and none answered, and that there is no link.
	// It is never called between a LinkUp and its LinkDown.
	DialFailed(peer quorum.SID)
}

// Message is one message to a peer and the event to record at the moment it is written to the socket.
// Sent.Peer is the addressee.
type Message struct {
	Frame []byte // without the length in front; 1..MaxFrame bytes; not changed by anybody from now on
	Sent  event.NotificationSent
}

// Options is what a manager needs to know. Zero values mean the defaults in brackets.
type Options struct {
	Self    quorum.SID
	Listen  []string // addresses to bind, host:port; none: others cannot dial this node (watchers)
	Network Network  // [TCP with KeepAlive]
	Handler Handler
	Events  *event.Emitter
	Guard   Guard // asked before a peer is taken for who it says it is [everybody may speak as anybody]

	// Announce lists the own election addresses that stand in the preamble, host:port, at least one.
	Announce []string
	// MultiAddress sends the V2 preamble with all of Announce instead of V1 with the first.
	MultiAddress bool

	HandshakeTimeout time.Duration // for reading a whole preamble, and for the Guard [5 s]
	ConnectTimeout   time.Duration // for one address of one peer, the Guard included, and for one name [5 s]
	WriteTimeout     time.Duration // for one frame; a peer that does not read is dropped [5 s]
	BindRetry        int           // tries in a row, 1 s apart; 0 is for ever
	KeepAlive        bool          // SO_KEEPALIVE; only for the default Network

	MaxHalfOpen       int // connections whose preamble is not complete, beside one for each member [64]
	MaxUnknown        int // peers that are in no view [64]
	MaxUnknownPerHost int // of these, those of one remote address [16]
}

// The defaults of Options.
const (
	defaultTimeout        = 5 * time.Second
	defaultHalfOpen       = 64
	defaultUnknown        = 64
	defaultUnknownPerHost = 16
)

// withDefaults fills in the defaults and names every problem of o at once.
func (o Options) withDefaults() (Options, error) {
	var errs []error
	if o.Handler == nil {
		errs = append(errs, errors.New("no handler"))
	}
	if o.Events == nil {
		errs = append(errs, errors.New("no event emitter"))
	}
	if o.Self == quorum.AnonymousSID {
		errs = append(errs, fmt.Errorf("sid %d is reserved for observers without a name", o.Self))
	}
	if len(o.Announce) == 0 {
		errs = append(errs, errors.New("no address to announce"))
	}
	if min(o.BindRetry, o.MaxHalfOpen, o.MaxUnknown, o.MaxUnknownPerHost) < 0 {
		errs = append(errs, fmt.Errorf("negative limit: bind retry %d, half-open %d, unknown %d, of one host %d",
			o.BindRetry, o.MaxHalfOpen, o.MaxUnknown, o.MaxUnknownPerHost))
	}
	for _, d := range []*time.Duration{&o.HandshakeTimeout, &o.ConnectTimeout, &o.WriteTimeout} {
		if *d < 0 {
			errs = append(errs, fmt.Errorf("negative timeout %s", *d))
		}
		if *d == 0 {
			*d = defaultTimeout
		}
	}
	o.MaxHalfOpen = cmp.Or(o.MaxHalfOpen, defaultHalfOpen)
	o.MaxUnknown = cmp.Or(o.MaxUnknown, defaultUnknown)
	o.MaxUnknownPerHost = cmp.Or(o.MaxUnknownPerHost, defaultUnknownPerHost)
	if o.Network == nil {
		o.Network = TCP{KeepAlive: o.KeepAlive, AckTimeout: o.WriteTimeout}
	}
	return o, errors.Join(errs...)
}
