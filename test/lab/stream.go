package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A life is listened to again after that long, when it does not answer yet or has broken off.
const listenPause = 5 * time.Millisecond

// maxEvent is more than one event takes, in bytes.
const maxEvent = 4 << 20

// stream listens to the events of one life of a node, from its first one on.
type stream struct {
	url    string
	client *http.Client
	event  func(line []byte) // called for each event, in order
	gap    func(what string) // events are missing

	last string        // id of the last event
	over chan struct{} // closed when the process is dead: what has come by then is all
	done chan struct{}
}

// listen starts a stream; end ends it.
func listen(client *http.Client, url string, event func([]byte), gap func(string)) *stream {
	s := &stream{url: url, client: client, event: event, gap: gap, over: make(chan struct{}), done: make(chan struct{})}
	// Owned by the stream, ended by end.
	go s.run()
	return s
}

// end waits for what the process, which must be dead, has told, and ends the stream.
func (s *stream) end() {
	close(s.over)
	<-s.done
}

func (s *stream) run() {
	defer close(s.done)
	for {
		err := s.follow()
		select {
		case <-s.over:
			return
		default:
		}
		if bad := (*badStream)(nil); errors.As(err, &bad) {
			s.gap(err.Error())
			<-s.over
			return
		}
		select {
		case <-s.over:
			return
		case <-time.After(listenPause):
		}
	}
}

// badStream is an answer that no node should give; the stream ends with it.
type badStream struct{ what string }

// Error implements error.
func (b *badStream) Error() string { return "events: " + b.what }

// follow reads one connection to its end: an error always. That of a dead process ends by itself, as soon as all
// that it sent was read.
func (s *stream) follow() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	url := s.url
	if s.last == "" {
		url += "?from=kept"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if s.last != "" {
		req.Header.Set("Last-Event-ID", s.last)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("events: %s", resp.Status)
	}
	return s.read(resp.Body)
}

// read reads server-sent events, as docs/events.md has them.
func (s *stream) read(body io.Reader) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), maxEvent)
	var m message
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			m.id = value
		case "event":
			m.kind = value
		case "data":
			m.data = value
		case "":
			if err := s.tell(m); err != nil {
				return err
			}
			m = message{}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.EOF
}

// message is one message of a stream. It counts when it is whole.
type message struct{ id, kind, data string }

func (s *stream) tell(m message) error {
	switch {
	case m.kind == "gap":
		s.gap(m.data)
	case m.kind != "":
		return &badStream{fmt.Sprintf("a message of the type %q", m.kind)}
	case m.data != "":
		s.event([]byte(m.data))
	}
	if m.id != "" {
		s.last = m.id
	}
	return nil
}
