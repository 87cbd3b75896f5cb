package watch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
)

const (
	// redialFirst and redialLast bound the wait after a connection that a server ended: each costs it about
	// a dozen lines of its log. A refused dial costs it nothing and is repeated after refusedLast at most.
	redialFirst = 250 * time.Millisecond
	redialLast  = 30 * time.Second
	refusedLast = 2 * time.Second
	// steady is how long a connection must have lived for its end not to count as one more in a row.
	steady = 10 * time.Second
	// silenceLimit is how long a connection is kept on which nothing is heard: it may lead to a machine that
	// is gone, and nobody would tell.
	silenceLimit = 10 * time.Second
	// maxUnasked is how many frames may come between two questions that nobody waits for. A real server sends
	// one at most: an answer after its time, or that to the second question of a connection.
	maxUnasked = 8
)

// link asks one server, over one connection at a time, for as long as its context lasts. One goroutine, run,
// owns it; the owner of the core reads sid and sets sid and addresses.
type link struct {
	id        int
	opt       *Options
	hello     []byte
	events    *event.Emitter
	reports   chan<- report
	sid       atomic.Int64             // NoSID until known
	addresses atomic.Pointer[[]string] // host:port, where to dial
	rand      *rand.Rand
	cancel    context.CancelFunc
}

// report is what a link tells the owner of the core.
type report struct {
	link    int
	at      time.Time
	address string
	took    time.Duration
	answer  *fle.Notification // nil: failed
	failed  *failure
}

func (l *link) peer() quorum.SID { return quorum.SID(l.sid.Load()) }

// run dials and talks until ctx ends.
func (l *link) run(ctx context.Context) {
	wait := redialFirst
	for {
		began := time.Now()
		conn, addr, failed := l.connect(ctx)
		limit := refusedLast
		if failed != nil && failed.reason == FailTLS {
			limit = redialLast // a hand-shake costs the server about as much as a connection
		}
		if failed == nil {
			limit = redialLast
			failed = l.visit(ctx, conn, addr)
			if time.Since(began) >= steady {
				wait = redialFirst
			}
		}
		if !l.tell(ctx, report{address: addr, failed: failed}) || !l.pause(ctx, min(wait, limit), 0.2) {
			return
		}
		wait = min(2*wait, redialLast)
		if limit == refusedLast {
			wait = min(wait, refusedLast)
		}
	}
}

// visit talks over conn until that fails or ctx ends, and closes it.
func (l *link) visit(ctx context.Context, conn net.Conn, addr string) *failure {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	t := &talk{link: l, line: line{conn}, conn: conn, in: bufio.NewReader(conn), addr: addr}
	t.introduce()
	failed := t.run(ctx)
	if !t.spoke {
		failed = failed.atFirst()
	}
	down := event.ConnectionDown{Peer: t.known, Reason: event.DropStopped}
	if ctx.Err() == nil {
		down.Reason, down.Detail = failed.dropReason(), failed.err.Error()
	}
	l.events.Emit(down)
	return failed
}

// tell hands r to the owner, and reports whether the link goes on.
func (l *link) tell(ctx context.Context, r report) bool {
	r.link, r.at = l.id, time.Now()
	if ctx.Err() != nil {
		return false
	}
	select {
	case l.reports <- r:
		return true
	case <-ctx.Done():
		return false
	}
}

// pause waits for d, more or less by a random part of it, and reports whether the link goes on.
func (l *link) pause(ctx context.Context, d time.Duration, part float64) bool {
	timer := time.NewTimer(l.spread(d, part))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// spread is d, more or less by a random part of it.
func (l *link) spread(d time.Duration, part float64) time.Duration {
	return d + time.Duration(float64(d)*part*(2*l.rand.Float64()-1))
}

// talk is one connection of a link.
type talk struct {
	*link
	line  line
	conn  net.Conn
	in    *bufio.Reader
	addr  string
	heard time.Time  // when the last frame came
	spoke bool       // one came
	known quorum.SID // whose connection it was said to be
	told  bool
}

// introduce says whose connection this is, and again when that was found out.
func (t *talk) introduce() {
	sid := t.peer()
	if t.told && sid == t.known {
		return
	}
	if t.told {
		t.events.Emit(event.ConnectionDown{Peer: t.known, Reason: event.DropReplaced, Detail: "it is server " + sid.String()})
	}
	t.known, t.told = sid, true
	t.events.Emit(event.ConnectionUp{Peer: sid, DialledByUs: true, Remote: t.conn.RemoteAddr().String()})
}

// run asks at intervals. A real server may begin with its last answer of an earlier connection, so the first
// frame is not believed; the question after it is asked at once.
func (t *talk) run(ctx context.Context) *failure {
	t.heard = time.Now()
	if err := t.deadline(t.opt.ConnectTimeout); err != nil {
		return talkFailure(err)
	}
	if err := t.line.hello(t.hello); err != nil {
		return talkFailure(err)
	}
	believe, wait := false, time.Duration(0)
	for {
		t.introduce()
		n, took, failed := t.question()
		switch {
		case failed == nil && !believe:
			believe = true
			continue
		case failed == nil:
			wait = t.opt.Interval
			if !t.tell(ctx, report{address: t.addr, answer: n, took: took}) {
				return &failure{reason: FailError, err: context.Cause(ctx)}
			}
		case !failed.keep || time.Since(t.heard) >= silenceLimit:
			return failed
		default:
			wait = min(max(2*wait, t.opt.Interval), max(refusedLast, t.opt.Interval))
			if !t.tell(ctx, report{address: t.addr, failed: failed}) {
				return failed
			}
		}
		if failed := t.idle(wait); failed != nil {
			return failed
		}
	}
}

// question asks once and waits for the answer.
func (t *talk) question() (*fle.Notification, time.Duration, *failure) {
	if err := t.deadline(t.opt.AnswerTimeout); err != nil {
		return nil, 0, talkFailure(err)
	}
	began := time.Now()
	if err := t.line.ask(); err != nil {
		return nil, 0, talkFailure(err)
	}
	t.events.Sent(event.NotificationSent{Peer: t.peer(), Cause: event.SendProbe, Notification: asked()})
	if _, err := t.in.Peek(1); err != nil {
		f := talkFailure(err)
		f.keep = f.reason == FailNoAnswer
		return nil, 0, f
	}
	frame, err := t.frame()
	if err != nil {
		return nil, 0, talkFailure(err)
	}
	n, err := fle.Decode(frame)
	if err == nil && !n.State.Valid() {
		err = fmt.Errorf("state %d is none", n.State)
	}
	if err != nil {
		return nil, 0, &failure{reason: FailMalformed, err: err, keep: true}
	}
	return &n, time.Since(began), nil
}

// idle listens for d, more or less, so that the end of the connection is known at once: a server that dies is
// seen before the next question. The frames that nobody asked for are thrown away.
func (t *talk) idle(d time.Duration) *failure {
	until := time.Now().Add(t.spread(d, t.opt.Jitter))
	for range maxUnasked {
		if err := t.conn.SetDeadline(until); err != nil {
			return talkFailure(err)
		}
		if _, err := t.in.Peek(1); timedOut(err) {
			return nil
		}
		if err := t.deadline(t.opt.AnswerTimeout); err != nil {
			return talkFailure(err)
		}
		if _, err := t.frame(); err != nil {
			return talkFailure(err)
		}
	}
	return &failure{reason: FailFlood, err: errors.New("it sends without being asked")}
}

// frame reads a frame of which the first byte is there.
func (t *talk) frame() ([]byte, error) {
	if head, err := t.in.Peek(min(t.in.Buffered(), 4)); err == nil && speaksTLS(head) {
		return nil, errSpeaksTLS
	} else if string(head) == "HTTP" {
		return nil, errSpeaksHTTP
	}
	frame, err := qcm.ReadFrame(t.in)
	if err == nil {
		t.heard, t.spoke = time.Now(), true
	}
	return frame, err
}

func (t *talk) deadline(d time.Duration) error { return t.conn.SetDeadline(time.Now().Add(d)) }

// asked is the question as events show it.
func asked() event.Notification {
	return event.Notification{State: quorum.Looking, Round: 1,
		Vote: quorum.Vote{Leader: quorum.NoSID, Zxid: quorum.MinZxid, PeerEpoch: quorum.MinEpoch}}
}
