package web

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// FuzzRecording: of whatever is given as a recording either all lines are taken or the first bad one is named; what was taken
// is there, as it was, and its servers' elections can be listed.
func FuzzRecording(f *testing.F) {
	lost := string(event.AppendJSON(nil, event.Stamped{Time: fixedTime(), Node: 1, Election: 1, Event: event.LeaderLost{}}, fixedTime()))
	begun := string(event.AppendJSON(nil, event.Stamped{Time: fixedTime(), Node: 2, Election: 1,
		Event: event.ElectionStarted{Reason: event.ReasonStart, At: fixedTime()}}, fixedTime()))
	f.Add([]byte(lost + "\n\n" + begun))
	f.Add([]byte(`{"election":{"id":"1"},"events":[` + lost + `,{"events":[` + begun + `]}]}`))
	f.Add([]byte(`{"time":"2026-01-02T15:04:05Z","sid":2,"event":"Action","text":"kill 2","fault":{"fault":"kill","sid":2}}`))
	f.Add([]byte(strings.Replace(lost, "LeaderLost", "Later", 1) + "\n{}\n[]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := NewRecording()
		if err := r.Read(bytes.NewReader(raw), "name"); err != nil {
			if !strings.HasPrefix(err.Error(), "name:") {
				t.Errorf("%q", err)
			}
			return
		}
		e := r.Ensemble("token", []string{"name"})
		n := 0
		for b := e.Events.Read(1, 1); len(b.Lines) > 0; b = e.Events.Read(b.Next, 1) {
			for _, line := range b.Lines {
				n++
				if !json.Valid(line) || !bytes.Contains(raw, line) {
					t.Errorf("a line that is not in it: %q", line)
				}
			}
		}
		if n == 0 {
			t.Error("taken without an event")
		}
		for _, m := range e.Members {
			if _, err := m.Elections(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// says is what a peer says to every question.
type says []byte

func (a says) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(a))}, nil
}

// FuzzPeer: whatever another node answers, what is made of it is of others than the node that asks, and each line of its
// stream is one JSON object, which a page can be given.
func FuzzPeer(f *testing.F) {
	f.Add([]byte(`{"sid":2,"state":"LOOKING","peers":null}`))
	f.Add([]byte(`{"elections":[{"sid":2,"id":"1"},{"sid":1,"id":"2"}]}`))
	f.Add([]byte("retry: 1000\nid: tok-1\n\nid: tok-2\ndata: {\"sid\":2}\n\n: alive\n\nevent: gap\ndata: {\"sid\":3}\n\ndata:{\"sid\":1}\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := &remote{base: "http://peer", self: 1, client: &http.Client{Transport: says(raw)}}
		if s, err := r.Status(t.Context()); err == nil && (s.SID == 1 || s.Peers == nil) {
			t.Errorf("%+v", s)
		}
		if all, err := r.Elections(t.Context()); err == nil && len(all) > 0 && all[0].SID == 1 {
			t.Errorf("%+v", all)
		}
		lines, err := r.Election(t.Context(), "1")
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if !json.Valid(line) || bytes.ContainsAny(line, "\n") {
				t.Errorf("%q", line)
			}
		}
		_ = r.stream(t.Context(), func(line []byte) { // how it ends is not the matter
			var head struct{ SID *quorum.SID }
			if err := json.Unmarshal(line, &head); err != nil || head.SID == nil || *head.SID == 1 || bytes.ContainsAny(line, "\n") {
				t.Errorf("%q, %v", line, err)
			}
		})
	})
}

// FuzzFault: whatever body a client sends, it is one fault with no more in it than the form has, or an error.
func FuzzFault(f *testing.F) {
	f.Add([]byte(`{"fault":"kill","sid":2}`))
	f.Add([]byte(`{"fault":"cut","sids":[1,2],"for":"3s"} {}`))
	f.Add(bytes.Repeat([]byte("["), maxFault))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		fault, err := readFault(w, req)
		if err != nil {
			return
		}
		again, err := json.Marshal(fault)
		if err != nil || len(body) > maxFault+1 && len(bytes.TrimSpace(body)) > maxFault {
			t.Errorf("%d bytes became %s, %v", len(body), again, err)
		}
	})
}

// spoken is a client that says all at once and hears what comes.
type spoken struct {
	net.Conn
	say  *bytes.Reader
	hear bytes.Buffer
}

func (s *spoken) Read(b []byte) (int, error)  { return s.say.Read(b) }
func (s *spoken) Write(b []byte) (int, error) { return s.hear.Write(b) }
func (*spoken) Close() error                  { return nil }
func (*spoken) SetDeadline(time.Time) error   { return nil }
func (*spoken) RemoteAddr() net.Addr          { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }

// FuzzWord: whatever comes to the client port, no more than four bytes are read, and only a word is answered.
func FuzzWord(f *testing.F) {
	for _, w := range append(wordNames(), "GET ", "\x00\x00\x00\x2c", "ru") {
		f.Add([]byte(w + "\n"))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		w := &Words{opt: WordOptions{Whitelist: []string{"*"}, Source: still{}, Version: "v",
			Events: event.NewEmitter(1, time.Now, event.FanOut{})}, started: fixedTime(), guests: wordGuests{conns: map[net.Conn]*wordConn{}}}
		c := &spoken{say: bytes.NewReader(raw)}
		w.serve(c, w.guests.enter(c))
		word := len(raw) >= 4 && slices.Contains(wordNames(), string(raw[:4]))
		if said := c.hear.Len() > 0; said != word || len(raw)-c.say.Len() > 4 {
			t.Errorf("%q: %d bytes read, answered %q", raw, len(raw)-c.say.Len(), c.hear.String())
		}
	})
}
