package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/recorder"

	"github.com/google/go-cmp/cmp"
)

// past is a recorder with two elections, the second of which runs.
func past(t testing.TB) *recorder.Recorder {
	t.Helper()
	r := recorder.New(recorder.Options{Token: "here"})
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	e := event.NewEmitter(1, func() time.Time { return at }, r)
	e.Emit(event.ElectionStarted{Reason: event.ReasonStart})
	e.Emit(event.ElectionDecided{State: quorum.Leading, How: event.HowWaited, Vote: quorum.Vote{Leader: 1}})
	e.Emit(event.LeaderEstablished{Leader: 1, Epoch: 4})
	e.Emit(event.ElectionStarted{Reason: event.ReasonQuorumLost})
	r.Close(time.Minute)
	return r
}

func TestElections(t *testing.T) {
	h := Handler(Site{Node: still{}, History: past(t)})
	var list struct {
		Elections []struct {
			ID, Outcome string
			Running     bool
		}
	}
	code, body := get(t, h, "/api/v1/elections")
	if err := json.Unmarshal([]byte(body), &list); err != nil || code != http.StatusOK {
		t.Fatalf("%d %v", code, err)
	}
	if got := fmt.Sprint(list.Elections); got != "[{2  true} {1 leading false}]" {
		t.Errorf("%s in %s", got, body)
	}

	code, body = get(t, h, "/api/v1/elections/1")
	var one struct {
		Election struct{ ID string }
		Events   []struct{ Event, Time string }
	}
	if err := json.Unmarshal([]byte(body), &one); err != nil || code != http.StatusOK {
		t.Fatalf("%d %v", code, err)
	}
	const at = "2026-01-02T15:04:05.000000000Z"
	if got := fmt.Sprint(one); got != "{{1} [{ElectionStarted "+at+"} {ElectionDecided "+at+"} {LeaderEstablished "+at+"}]}" {
		t.Errorf("%s in %s", got, body)
	}

	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/api/v1/elections/1?format=jsonl", nil),
		{Method: http.MethodGet, URL: httptest.NewRequest(http.MethodGet, "/api/v1/elections/1", nil).URL,
			Header: http.Header{"Accept": {"application/json;q=0.5, " + JSONLines}}},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var names []string
		for line := range strings.Lines(w.Body.String()) {
			s, err := event.ParseJSON([]byte(line))
			if err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			names = append(names, s.Event.Name())
		}
		if d := cmp.Diff([]string{"ElectionStarted", "ElectionDecided", "LeaderEstablished"}, names); d != "" || w.Header().Get("Content-Type") != JSONLines {
			t.Errorf("%s %v", d, w.Header())
		}
	}
}

func TestUnknownElection(t *testing.T) {
	empty := recorder.New(recorder.Options{})
	empty.Close(time.Minute)
	for _, c := range []struct {
		history History
		path    string
		says    string
	}{
		{past(t), "/api/v1/elections/7", `"no election \"7\": 2 are kept, the newest is 2, the oldest 1; see /api/v1/elections"`},
		{past(t), "/api/v1/elections/" + strings.Repeat("%00", 50), `2 are kept`},
		{empty, "/api/v1/elections/7", `none was recorded yet`},
	} {
		code, body := get(t, Handler(Site{Node: still{}, History: c.history}), c.path)
		if code != http.StatusNotFound || !strings.Contains(body, `{"error":`) || !strings.Contains(body, c.says) || len(body) > 300 {
			t.Errorf("%s: %d %s", c.path, code, body)
		}
	}
	if _, body := get(t, Handler(Site{Node: still{}, History: empty}), "/api/v1/elections"); body != `{"elections":[]}`+"\n" {
		t.Errorf("%s", body)
	}
	for _, path := range []string{"/api/v1/elections", "/api/v1/elections/1", "/api/v1/events"} {
		if code, _ := get(t, Handler(Site{Node: still{}}), path); code != http.StatusNotFound {
			t.Errorf("%s without a history: %d", path, code)
		}
	}
}

// message is one server-sent event.
type message struct{ name, id, data string }

// listener is a client of a stream.
type listener struct {
	body io.ReadCloser
	end  context.CancelFunc
	in   *bufio.Reader
	id   string // the last
}

func subscribe(t *testing.T, url, lastID string) *listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("%s %s", resp.Status, got)
	}
	return &listener{body: resp.Body, end: cancel, in: bufio.NewReader(resp.Body), id: lastID}
}

// next is the next message with data, as a browser reads it.
func (l *listener) next() (m message, err error) {
	for {
		line, err := l.in.ReadString('\n')
		if err != nil {
			return m, err
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch key {
		case "id":
			l.id = value
			m.id = value
		case "event":
			m.name = value
		case "data":
			m.data += value
		case "":
			if m.data != "" {
				return m, nil
			}
			m = message{}
		}
	}
}

func (l *listener) close() {
	_ = l.body.Close() // it is thrown away
	l.end()
}

// number is the peer of a HeartbeatMissed, by which the tests count.
func number(t *testing.T, m message) int {
	t.Helper()
	s, err := event.ParseJSON([]byte(m.data))
	if err != nil {
		t.Fatalf("%v: %+v", err, m)
	}
	return int(s.Event.(event.HeartbeatMissed).Peer)
}

// source is a stream, fed by number, and a server that shows it.
func source(t *testing.T, opt recorder.Options) (s *recorder.Stream, url string, emit func(n int)) {
	t.Helper()
	s = recorder.NewStream(opt)
	srv := serve(t, EventStream(s))
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		srv.end()
		s.Close(time.Minute)
	})
	return s, srv.url, func(n int) {
		s.Record(event.Stamped{Time: time.Now(), Event: event.HeartbeatMissed{Peer: quorum.SID(n)}})
	}
}

// TestResume cuts the connection again and again while events come: no event comes twice, none is missing.
func TestResume(t *testing.T) {
	const total = 20_000
	_, url, emit := source(t, recorder.Options{Bytes: 8 << 20, Queue: total})
	l := subscribe(t, url, "")
	var emitting sync.WaitGroup
	// Ends with its events.
	emitting.Go(func() {
		for n := range total {
			emit(n)
		}
	})
	rng := rand.New(rand.NewPCG(1, 1))
	cut, cuts := rng.IntN(100), 0
	for want := range total {
		if cut--; cut < 0 {
			id := l.id
			l.close()
			if cuts++; cuts%2 == 0 {
				l = subscribe(t, url, id)
			} else {
				l = subscribe(t, url+"/?last_event_id="+id, "")
			}
			cut = rng.IntN(1000)
		}
		m, err := l.next()
		if err != nil || m.name != "" || number(t, m) != want {
			t.Fatalf("event %d after %d cuts: %+v, %v", want, cuts, m, err)
		}
	}
	l.close()
	emitting.Wait()
	if cuts < 10 {
		t.Errorf("only %d cuts", cuts)
	}
}

// TestFromNowOn: a client without a position gets what happens after it came, and resumes there even if it was cut
// off before the first event.
func TestFromNowOn(t *testing.T) {
	s, url, emit := source(t, recorder.Options{Token: "here"})
	for n := range 10 {
		emit(n)
	}
	for s.Read(1, 1<<20).Next != 11 {
		<-s.Read(0, 1).Wait
	}
	l := subscribe(t, url, "")
	for l.id == "" {
		if _, err := l.in.Peek(1); err != nil {
			t.Fatal(err)
		}
		line, _ := l.in.ReadString('\n')
		l.id, _ = strings.CutPrefix(strings.TrimSpace(line), "id: ")
		if !strings.HasPrefix(line, "id: ") {
			l.id = ""
		}
	}
	l.close()
	if l.id != "here-10" {
		t.Errorf("starts behind %q", l.id)
	}
	emit(10)
	l = subscribe(t, url, l.id)
	defer l.close()
	if m, err := l.next(); err != nil || number(t, m) != 10 || m.id != "here-11" {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestGaps: what is gone is counted exactly; the id of another process is said to be one.
func TestGaps(t *testing.T) {
	const total = 30_000
	s, url, emit := source(t, recorder.Options{Bytes: 1 << 20, Token: "here", Queue: total})
	for n := range total {
		emit(n)
	}
	for s.Read(0, 1).Next != total+1 {
		<-s.Read(0, 1).Wait
	}
	for _, c := range []struct{ id, gap string }{
		{"here-99", `{"missed":%d,"reason":"slow"}`},
		{"other-99", `{"missed":null,"reason":"restart"}`},
		{"nonsense", `{"missed":null,"reason":"restart"}`},
		{"here--1", `{"missed":null,"reason":"restart"}`},
	} {
		l := subscribe(t, url, c.id)
		gap, err := l.next()
		if err != nil || gap.name != "gap" {
			t.Fatalf("%s: %+v, %v", c.id, gap, err)
		}
		m, err := l.next()
		if c.id != "here-99" && err == nil {
			if m.name != "gap" { // the oldest events are gone, too
				t.Errorf("%s: %+v", c.id, m)
			}
			m, err = l.next()
		}
		if err != nil {
			t.Fatal(err)
		}
		first := number(t, m)
		want := c.gap
		if strings.Contains(want, "%d") {
			want = fmt.Sprintf(want, first-99)
		}
		if gap.data != want || first < 1000 || m.id != "here-"+strconv.Itoa(first+1) {
			t.Errorf("%s: %s, want %s; then %+v", c.id, gap.data, want, m)
		}
		l.close()
	}
}

// TestTooManyListen: one more than there are places for one address is turned away, until one leaves.
func TestTooManyListen(t *testing.T) {
	_, url, _ := source(t, recorder.Options{})
	var all []*listener
	for range maxStreamsPerHost {
		all = append(all, subscribe(t, url, ""))
	}
	status := func() int {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // only the status counts
		return resp.StatusCode
	}
	if got := status(); got != http.StatusTooManyRequests {
		t.Errorf("client %d: %d", maxStreamsPerHost+1, got)
	}
	all[0].close()
	for deadline := time.Now().Add(time.Minute); status() != http.StatusOK; {
		if time.Now().After(deadline) {
			t.Fatal("no place after one was left")
		}
	}
	for _, l := range all {
		l.close()
	}
}

// TestStreamsEndAtShutdown at once, not after the time that a server grants to requests.
func TestStreamsEndAtShutdown(t *testing.T) {
	r := past(t)
	srv := serve(t, Handler(Site{Node: still{}, History: r}))
	defer http.DefaultClient.CloseIdleConnections()
	l := subscribe(t, srv.url+"/api/v1/events", "")
	defer l.close()
	resp, err := http.Head(srv.url + "/api/v1/events")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %v, %v", resp, err)
	}
	start := time.Now()
	srv.end()
	if m, err := l.next(); !errors.Is(err, io.EOF) || time.Since(start) > closeTime {
		t.Errorf("%+v, %v after %s", m, err, time.Since(start))
	}
}

// TestStreamsEndWithWhatHappened: what was recorded before the server ends the request is sent.
func TestStreamsEndWithWhatHappened(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, id := range []string{"here-2", "here-4"} {
		req := httptest.NewRequestWithContext(ended, http.MethodGet, "/", nil)
		req.Header.Set("Last-Event-ID", id)
		w := httptest.NewRecorder()
		EventStream(past(t)).ServeHTTP(w, req)
		body := w.Body.String()
		if n := strings.Count(body, "data: "); id == "here-2" && (n != 2 || !strings.Contains(body, "id: here-4\n")) || id == "here-4" && n != 0 {
			t.Errorf("behind %s: %q", id, body)
		}
	}
}

// serving is a server of this package.
type serving struct {
	url string
	end func() // may be called again
}

func serve(t *testing.T, h http.Handler) serving {
	t.Helper()
	s, err := Listen(ListenOptions{Addrs: []string{"127.0.0.1:0"}}, h)
	if err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	return serving{"http://" + s.Addrs()[0], end}
}

// TestStreamAlive: a silent stream gives a sign of life, so that proxies and clients know.
func TestStreamAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := recorder.NewStream(recorder.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		w := httptest.NewRecorder()
		ended := make(chan struct{})
		// Ends with ctx.
		go func() {
			defer close(ended)
			EventStream(s).ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
		}()
		time.Sleep(3*streamAlive + time.Second)
		synctest.Wait()
		cancel()
		<-ended
		if got := strings.Count(w.Body.String(), ": alive\n\n"); got != 3 || !w.Flushed {
			t.Errorf("%d signs of life: %q", got, w.Body)
		}
		s.Close(time.Minute)
	})
}

// TestStreamEndsAtOnce when the server is about to stop, however silent it is.
func TestStreamEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := recorder.NewStream(recorder.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		// Ends with ctx.
		go func() {
			defer close(ended)
			EventStream(s).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
		}()
		time.Sleep(time.Second)
		start := time.Now()
		cancel()
		<-ended
		if took := time.Since(start); took != 0 {
			t.Errorf("ended after %s", took)
		}
		s.Close(time.Minute)
	})
}

// pipes is a listener for one connection in memory.
type pipes struct{ conns chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestClientThatDoesNotRead is let go when a batch lies unread for streamWrite, not earlier and not later.
func TestClientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := recorder.NewStream(recorder.Options{})
		ended := make(chan time.Time, 1)
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			EventStream(s).ServeHTTP(w, r)
			ended <- time.Now()
		})
		ours, theirs := net.Pipe()
		ln := pipes{make(chan net.Conn, 1)}
		ln.conns <- theirs
		srv := &http.Server{Handler: h}
		var serving sync.WaitGroup
		// Ends when the listener does.
		serving.Go(func() { _ = srv.Serve(ln) }) // always an error, that of the listener
		if _, err := io.WriteString(ours, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAtLeast(ours, make([]byte, 4096), 10); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		start := time.Now()
		for range 1000 {
			s.Record(event.Stamped{Event: event.NodeStopped{Error: strings.Repeat("x", 500)}})
		}
		if took := (<-ended).Sub(start); took < streamWrite || took > streamAlive+streamWrite {
			t.Errorf("let go after %s", took)
		}
		_ = ours.Close() // the server gave it up
		close(ln.conns)
		_ = srv.Close() // nothing is left to be closed
		serving.Wait()
		s.Close(time.Minute)
	})
}
