package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"electnode/internal/crowd"
	"electnode/internal/recorder"
)

// Events is a place from which the last events can be read; *recorder.Recorder and *recorder.Stream are such.
type Events interface {
	// Token tells this process from others: a position means nothing elsewhere.
	Token() string
	// Read gives the events from a position on, about limit bytes of them; 0 is now.
	Read(from uint64, limit int) recorder.Batch
}

// Limits of a stream of events.
const (
	streamBatch = 64 << 10         // bytes of events between two flushes
	streamAlive = 15 * time.Second // a sign of life after that much silence
	streamWrite = 10 * time.Second // how long a client may leave a batch unread
)

// EventStream answers GET /api/v1/events: server-sent events, each of them one event of docs/events.md as data. A
// client starts with what happens now, or behind the event that Last-Event-ID names (the header or, for those
// who cannot set one, ?last_event_id=). Events that are gone already are told by one of the type "gap":
//
//	{"missed": 12, "reason": "slow"}       the client was away or did not read for too long
//	{"missed": null, "reason": "restart"}  the id is of another process; all there is follows
//
// Nothing is kept for a client: it reads from where it is, or skips. A new client with ?from=kept begins with
// the oldest event that is kept. Streams end with their client or the server, by the context of the request,
// and when the client does not read for ten seconds.
func EventStream(events Events) http.Handler {
	return streamHandler(events, nil, crowd.Bounds{All: maxStreams, PerHost: maxStreamsPerHost})
}

// streamHandler serves the events, and the actions beside them if there are any, to so many clients at a time.
func streamHandler(events Events, actions *Actions, bounds crowd.Bounds) http.Handler {
	places := newGate(bounds, "clients listen")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leave, ok := places.enter(w, r)
		if !ok {
			return
		}
		defer leave()
		h := w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Accel-Buffering", "no") // proxies pass on what they get
		if r.Method == http.MethodHead {
			return
		}
		if watched, ok := events.(Costly); ok {
			defer watched.Watch()()
		}
		s := stream{events: events, actions: actions, w: w, control: http.NewResponseController(w)}
		defer limitTime(w, streamWrite)() // renewed with each batch
		s.run(r)
	})
}

// stream is one client.
type stream struct {
	events  Events
	actions *Actions // nil: none
	w       http.ResponseWriter
	control *http.ResponseController
	next    uint64 // the event to send next
	acted   int    // number of the last action that was sent
	buf     []byte
}

// run sends until the client is gone, or the server ends the request: what had happened by then is sent too, so that
// the end of a node is in its stream.
func (s *stream) run(r *http.Request) {
	s.begin(lastEventID(r), r.URL.Query().Get("from") == "kept")
	alive := time.NewTicker(streamAlive)
	defer alive.Stop()
	for s.flush() {
		ended := r.Context().Err() != nil // before the events are read
		more := s.act()
		if len(s.buf) > 0 && !ended {
			continue
		}
		batch := s.events.Read(s.next, streamBatch)
		if len(batch.Lines) > 0 {
			s.add(batch)
		}
		if ended {
			s.flush()
			return
		}
		if len(batch.Lines) > 0 {
			continue
		}
		select {
		case <-batch.Wait:
		case <-more:
		case <-alive.C:
			s.buf = append(s.buf, ": alive\n\n"...)
		case <-r.Context().Done():
		}
	}
}

func lastEventID(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	return r.URL.Query().Get("last_event_id")
}

// begin finds the place to start at, and names it, so that a client that was cut off before its first event
// resumes there too.
func (s *stream) begin(id string, kept bool) {
	s.buf = append(s.buf, "retry: 1000\n"...)
	token, seq, ok := strings.Cut(id, "-")
	last, err := strconv.ParseUint(seq, 10, 63)
	switch {
	case id == "" && kept:
		s.next = max(1, s.events.Read(1, 1).First)
		s.id(s.next - 1)
		s.buf = append(s.buf, '\n')
	case id == "":
		s.next = s.events.Read(0, 1).Next
		s.id(s.next - 1)
		s.buf = append(s.buf, '\n')
	case ok && err == nil && token == s.events.Token():
		s.next = last + 1
		s.buf = append(s.buf, '\n')
	default:
		s.next = 1
		s.buf = append(s.buf, '\n')
		s.gap("null", "restart")
	}
}

// act puts the actions that the client does not have yet into the buffer, as messages of the type "action" without
// an id, and tells when there are more. Who comes again gets all that are kept: they carry numbers.
func (s *stream) act() (more <-chan struct{}) {
	if s.actions == nil {
		return nil
	}
	lines, last, more := s.actions.after(s.acted)
	for _, line := range lines {
		s.buf = append(s.buf, "event: action\ndata: "...)
		s.buf = append(s.buf, line...)
		s.buf = append(s.buf, '\n', '\n')
	}
	s.acted = last
	return more
}

// add puts a batch into the buffer.
func (s *stream) add(b recorder.Batch) {
	if b.Missed > 0 {
		s.gap(strconv.FormatUint(b.Missed, 10), "slow")
	}
	for i, line := range b.Lines {
		s.id(b.First + uint64(i))
		s.buf = append(s.buf, "data: "...)
		s.buf = append(s.buf, line...) // has no line feed
		s.buf = append(s.buf, '\n', '\n')
	}
	s.next = b.Next
}

func (s *stream) id(seq uint64) {
	s.buf = append(s.buf, "id: "...)
	s.buf = append(s.buf, s.events.Token()...)
	s.buf = append(s.buf, '-')
	s.buf = strconv.AppendUint(s.buf, seq, 10)
	s.buf = append(s.buf, '\n')
}

func (s *stream) gap(missed, reason string) {
	s.buf = append(s.buf, `event: gap`+"\n"+`data: {"missed":`+missed+`,"reason":"`+reason+`"}`+"\n\n"...)
}

// flush sends what is in the buffer; false: the client is gone or does not read.
func (s *stream) flush() bool {
	if len(s.buf) == 0 {
		return true
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(streamWrite)) // as in limitTime
	if _, err := s.w.Write(s.buf); err != nil {
		return false
	}
	s.buf = s.buf[:0]
	if s.control.Flush() != nil {
		return false
	}
	_ = s.control.SetWriteDeadline(time.Time{}) // HTTP/2 keeps it also while nothing is written
	return true
}
