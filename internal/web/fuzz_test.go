package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
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
	f.Add([]byte("retry: 1000\nid: tok-1\n\nid: tok-2\ndata: {\"sid\":2}\n\n: alive\n\nevent: gap\ndata: {\"sid\":3}\n\ndata:{\"sid\":1}\n\nevent: gap\ndata: {\"missed\":9}\n\n"))
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
		}, func(missed uint64) {
			if missed == 0 || missed > peerMissed || !r.told {
				t.Errorf("a gap of %d", missed)
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

// FuzzLastEventID: whatever a client says that it has got, what it is sent begins with the place to come back to, and it gets
// what came behind its own, or all there is with a word about the gap, or, when it says nothing, nothing of before.
func FuzzLastEventID(f *testing.F) {
	for _, id := range []string{"", "here-0", "here-2", "here-4", "here-5", "here-9223372036854775807", "here-18446744073709551615", "gone-2", "-", "here--1", "here-2-3", "here-02"} {
		f.Add(id, false)
	}
	f.Add("", true)
	r := past(f)
	kept := len(r.Read(1, 1<<20).Lines)
	f.Fuzz(func(t *testing.T, id string, all bool) {
		s := stream{events: r}
		s.begin(id, all)
		head := string(s.buf)
		batch := r.Read(s.next, 1<<20)
		s.add(batch)
		gap := strings.Contains(head, "event: gap")
		place, known := 0, false
		for n := range kept + 1 {
			if id == "here-"+strconv.Itoa(n) {
				place, known = n, true
			}
		}
		switch got := len(batch.Lines); {
		case id == "" && all && (gap || got != kept), id == "" && !all && (gap || got != 0), known && (gap || got != kept-place):
			t.Errorf("%q: %d events of %d, behind %q", id, got, kept, head)
		case gap && got != kept, id != "" && !gap && !strings.HasPrefix(id, "here-"):
			t.Errorf("%q: %d events of %d, behind %q", id, got, kept, head)
		}
		if n := strings.Count(string(s.buf), "\n\n"); !strings.HasPrefix(head, "retry: ") || strings.Contains(string(s.buf), "\r") || n != len(batch.Lines)+strings.Count(head, "\n\n") {
			t.Errorf("%q: %d messages: %q", id, n, s.buf)
		}
	})
}

// FuzzRequest: whatever a client asks, it is answered; and a fault is carried out only for who may ask for one.
func FuzzRequest(f *testing.F) {
	do := &obedient{}
	r := past(f)
	own := Local{Node: still{status: follower(f)}, History: r}
	node := Handler(Site{Node: own.Node, History: r, Ensemble: &Ensemble{Kind: KindNode, Members: []Member{own}, Events: r, Faults: do, Acted: NewActions()}})
	foreign := foreignEnsemble(f)
	watcher := WatchHandler(WatchSite{Ensembles: []Watched{watchedOf(f, "a", &foreign), watchedOf(f, "b", &foreign)}, Events: r})
	for _, path := range []string{"/", "/healthz", "/readyz", "/leader", "/api/v1/status?format=text", "/api/v1/elections", "/api/v1/elections/1?format=jsonl",
		"/api/v1/elections/%00", "/api/v1/events?last_event_id=here-1", "/api/v1/ensemble", "/api/v1/ensemble/events?from=kept", "/api/v1/ensemble/elections",
		"/api/v1/ensemble/elections/1/2", "/api/v1/watch", "/ensembles/a/", "/../x", "/api/v1/ensemble/elections/1/2?%zz"} {
		f.Add([]byte("GET " + path + " HTTP/1.1\r\nHost: localhost:1\r\nLast-Event-ID: here-2\r\nAccept: application/x-ndjson\r\nIf-None-Match: *\r\n\r\n"))
	}
	for _, head := range []string{"", "Origin: http://localhost:1\r\n", "Origin: http://evil\r\n", "Sec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Site: cross-site\r\n"} {
		for _, host := range []string{"localhost:1", "evil", "127.0.0.1:7", "[::1]"} {
			f.Add([]byte("POST /api/v1/faults HTTP/1.1\r\nHost: " + host + "\r\n" + head + "Content-Type: application/json; charset=utf-8\r\nContent-Length: 24\r\n\r\n" + `{"fault":"kill","sid":1}`))
		}
	}
	f.Add([]byte("POST /api/v1/faults HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n\r\n" + `{"fault":"kill","sid":1}`))
	gone, cancel := context.WithCancel(context.Background()) // so that a stream ends behind its first words
	cancel()
	gone = context.WithValue(gone, http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		for name, h := range map[string]http.Handler{"node": node, "watcher": watcher} {
			req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
			if err != nil {
				return
			}
			req.RemoteAddr = "192.0.2.1:1"
			do.asked = nil
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req.WithContext(gone))
			if w.Code >= http.StatusInternalServerError && w.Code != http.StatusServiceUnavailable || w.Code < http.StatusOK {
				t.Errorf("%s: %d: %.200s", name, w.Code, w.Body)
			}
			if kind := w.Header().Get("Content-Type"); strings.HasPrefix(kind, "application/json") && !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s: %d: %q is no JSON", name, w.Code, w.Body)
			}
			if len(do.asked) > 0 && !mayAsk(req) {
				t.Errorf("carried out: %q", raw)
			}
		}
	})
}

// mayAsk reports whether a fault may be asked for in this way, over the loopback address.
func mayAsk(r *http.Request) bool {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	if r.Method != http.MethodPost || !strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Type"))), "application/json") {
		return false
	}
	if origin == "" && site == "" {
		return true
	}
	name := strings.Trim(r.Host, "[]")
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		name = host
	}
	if net.ParseIP(name) == nil && name != "localhost" && !strings.HasSuffix(name, ".localhost") {
		return false
	}
	u, err := url.Parse(origin)
	return site == "same-origin" || site == "none" || site == "" && err == nil && u.Host == r.Host
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
			Config: func(*quorum.View) []string { return nil },
			Events: event.NewEmitter(1, time.Now, event.FanOut{})}, started: fixedTime(), guests: wordGuests{conns: map[net.Conn]*wordConn{}}}
		c := &spoken{say: bytes.NewReader(raw)}
		w.serve(c, w.guests.enter(c))
		word := len(raw) >= 4 && slices.Contains(wordNames(), string(raw[:4]))
		if said := c.hear.Len() > 0; said != word || len(raw)-c.say.Len() > 4 {
			t.Errorf("%q: %d bytes read, answered %q", raw, len(raw)-c.say.Len(), c.hear.String())
		}
	})
}
