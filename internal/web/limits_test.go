package web

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/crowd"
)

// TestGate: at the bound of a host it is told so, at that of all others too; when somebody leaves there is room again.
func TestGate(t *testing.T) {
	var told []string
	g := newGate(crowd.Bounds{All: 3, PerHost: 2}, "clients listen")
	enter := func(host string) (leave func(), code int, retry string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(withRefused(t.Context(), func(remote, detail string) {
			told = append(told, remote+" "+detail)
		}), http.MethodGet, "/", nil)
		r.RemoteAddr = host + ":4711"
		leave, ok := g.enter(w, r)
		if ok {
			return leave, http.StatusOK, ""
		}
		return nil, w.Code, w.Header().Get("Retry-After")
	}
	var leaves []func()
	for i, step := range []struct {
		host string
		want int
	}{{"10.0.0.1", 200}, {"10.0.0.1", 200}, {"10.0.0.1", 429}, {"10.0.0.2", 200}, {"10.0.0.3", 503}, {"10.0.0.1", 429}} {
		leave, code, retry := enter(step.host)
		if code != step.want || (code != 200) != (retry == retryAfter) {
			t.Errorf("step %d: %d, retry after %q, want %d", i, code, retry, step.want)
		}
		if leave != nil {
			leaves = append(leaves, leave)
		}
	}
	if len(told) != 3 || told[0] != "10.0.0.1:4711 2 clients listen already, all of this address" || told[1] != "10.0.0.3:4711 3 clients listen already" {
		t.Errorf("told %q", told)
	}
	for _, leave := range leaves {
		leave()
	}
	if _, code, _ := enter("10.0.0.3"); code != 200 || len(g.hosts) != 1 {
		t.Errorf("%d when there is room, %v", code, g.hosts)
	}
}

// TestFloodOfConnections: silent connections of one host crowd out themselves; clients of the same host and of another
// are answered, those that are gone are told.
func TestFloodOfConnections(t *testing.T) {
	const flood = maxConnsPerHost + 40
	var mu sync.Mutex
	refused := 0
	s, err := Listen(ListenOptions{Addrs: []string{"127.0.0.1:0"}, Refused: func(remote, _ string) {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(remote, "127.0.0.1:") {
			refused++
		}
	}}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	if err != nil {
		t.Fatal(err)
	}
	addr := s.Addrs()[0]
	slow := from(t, "127.0.0.2", addr)
	for range flood {
		from(t, "127.0.0.1", addr)
	}
	for _, c := range []net.Conn{slow, from(t, "127.0.0.1", addr), from(t, "127.0.0.2", addr)} {
		if got := getOn(t, c); got != "200 here" {
			t.Errorf("a client got %q", got)
		}
	}
	mu.Lock()
	if want := flood - maxConnsPerHost + 1; refused != want {
		t.Errorf("%d were told to be turned away, want %d", refused, want)
	}
	mu.Unlock()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// getOn asks on a connection and gives status and body.
func getOn(t *testing.T, c net.Conn) string {
	t.Helper()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: here\r\n\r\n"); err != nil {
		return err.Error()
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return resp.Status[:4] + string(body)
}

// remoteConn is a connection in memory with an address.
type remoteConn struct {
	net.Conn
	remote string
}

func (c remoteConn) RemoteAddr() net.Addr { return textAddr(c.remote) }

type textAddr string

func (textAddr) Network() string  { return "pipe" }
func (a textAddr) String() string { return string(a) }

// TestDoor: idle connections give way after new ones, those with a request never.
func TestDoor(t *testing.T) {
	var told []string
	d := &door{bounds: crowd.Bounds{All: 3, PerHost: 3}, refused: func(remote, _ string) { told = append(told, remote) }}
	enter := func(remote string) *guest {
		a, b := net.Pipe()
		t.Cleanup(func() { a.Close() })
		return d.enter(remoteConn{b, remote})
	}
	busy, idle, fresh := enter("a:1"), enter("b:1"), enter("c:1")
	d.state(busy, http.StateActive)
	d.state(idle, http.StateActive)
	d.state(idle, http.StateIdle)
	second := enter("d:1") // for fresh
	d.state(second, http.StateActive)
	third := enter("e:1") // for idle
	d.state(third, http.StateActive)
	if enter("f:1") != nil {
		t.Error("one with a request gave way")
	}
	if strings.Join(told, " ") != "c:1 f:1" || len(d.guests) != 3 {
		t.Errorf("told %v, %d are in", told, len(d.guests))
	}
	_ = fresh
	busy.Close()
	if enter("f:1") == nil {
		t.Error("no room after one has left")
	}
}

// pipeListener is a listener in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipeListener) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipeListener) Addr() net.Addr { return textAddr("pipe") }

// TestTimes: whoever is slow is let go, each in its own way; a stream that is read is not.
func TestTimes(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /body", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) })
	mux.HandleFunc("GET /big", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
	mux.HandleFunc("GET /", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("GET /events", EventStream(&recordedLines{token: "t"}))
	for _, tt := range []struct {
		name, say string
		reads     bool
		want      time.Duration // 0: for ever
	}{
		{"silent", "", true, headerTime},
		{"half a header", "GET / HTTP/1.1\r\nHost: h\r\n", true, headerTime},
		{"half a body", "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf", true, requestTime},
		{"a body that nobody wants", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf", true, requestTime},
		{"idle", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true, idleTime},
		{"an answer that is not read", "GET /big HTTP/1.1\r\nHost: h\r\n\r\n", false, answerTime},
		{"a stream that is not read", "GET /events HTTP/1.1\r\nHost: h\r\n\r\n", false, streamWrite},
		{"a stream that is read", "GET /events HTTP/1.1\r\nHost: h\r\n\r\n", true, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			ln := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
			s := &Server{listeners: []net.Listener{ln}, log: slog.New(slog.DiscardHandler)}
			s.start(ListenOptions{}, mux)
			mine, its := net.Pipe()
			ended := make(chan time.Duration, 9) // net/http closes more than once
			begun := time.Now()
			ln.conns <- remoteConn{watchedConn{its, func() { ended <- time.Since(begun) }}, "10.0.0.1:1"}
			if _, err := io.WriteString(mine, tt.say); err != nil {
				t.Fatal(err)
			}
			if tt.reads {
				go func() { _, _ = io.Copy(io.Discard, mine) }() // ends with the connection
			}
			limit := time.NewTimer(time.Hour)
			select {
			case took := <-ended:
				if took != tt.want {
					t.Errorf("%s: let go after %s, want %s", tt.name, took, tt.want)
				}
			case <-limit.C:
				if tt.want != 0 {
					t.Errorf("%s: still there after an hour", tt.name)
				}
			}
			mine.Close()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// watchedConn tells when it is closed.
type watchedConn struct {
	net.Conn
	closed func()
}

func (c watchedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

// TestBody: a body that is too long is refused.
func TestBody(t *testing.T) {
	var got error
	h := bounded(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, got = io.ReadAll(r.Body) }))
	for _, size := range []int{maxBody, maxBody + 1} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size)))
		h.ServeHTTP(httptest.NewRecorder(), r)
		var long *http.MaxBytesError
		if errors.As(got, &long) != (size > maxBody) {
			t.Errorf("%d bytes: %v", size, got)
		}
	}
}

// TestTurns: no more requests than there are turns ask at a time; one that waits for too long is turned away.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asking := make(turns, 2)
		take := func() (leave func(), code int) {
			w := httptest.NewRecorder()
			leave, _ = asking.take(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
			return leave, w.Code
		}
		first, _ := take()
		second, _ := take()
		if third, code := take(); third != nil || code != http.StatusServiceUnavailable {
			t.Errorf("%d for one that waited too long", code)
		}
		time.AfterFunc(listTime/2, first)
		if third, code := take(); third == nil {
			t.Errorf("%d for one that waited for its turn", code)
		}
		second()
	})
}

// TestRequestsOfAConnection: HTTP/2 puts no more requests on a connection at a time than there may be, those included whose
// password is still being looked at: that costs time, and comes before all other bounds.
func TestRequestsOfAConnection(t *testing.T) {
	const requests = 3*maxConnRequests + 1
	dir := t.TempDir()
	pool := certificate(t, dir)
	file := write(t, filepath.Join(dir, "web.yml"), "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n")
	arrived, release := make(chan string), make(chan struct{})
	s := listen(t, 1, file, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- r.Proto + " " + r.RemoteAddr
		<-release
	}))
	c := client(t, pool)
	var asking sync.WaitGroup
	for range requests {
		asking.Go(func() { // ends when the request was answered
			if code, _, err := askAs(t, c, "https://"+s.Addrs()[0], "", ""); code != http.StatusOK || err != nil {
				t.Errorf("%d, %v", code, err)
			}
		})
	}
	at := map[string]int{}
	for range requests { // a client that finds a connection full opens another one
		at[<-arrived]++
	}
	close(release)
	asking.Wait()
	for conn, n := range at {
		if n > maxConnRequests || !strings.HasPrefix(conn, "HTTP/2.0 ") {
			t.Errorf("%d requests at a time on %s", n, conn)
		}
	}
}
