package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/recorder"

	"github.com/google/go-cmp/cmp"
)

// obedient is Faults that keep what they were asked for.
type obedient struct {
	asked []string
	err   error
}

func (o *obedient) Verbs() []string { return []string{"kill", "cut"} }

func (o *obedient) Do(_ context.Context, f Fault) error {
	o.asked = append(o.asked, f.String())
	return o.err
}

// TestFaultsAreRefused: only a page of the same server and programs that are no browsers may ask, in JSON.
func TestFaultsAreRefused(t *testing.T) {
	const kill = `{"fault":"kill","sid":2}`
	const typeJSON = "application/json"
	loopback := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	for _, c := range []struct {
		name   string
		host   string
		header map[string]string
		kind   string
		body   string
		faults bool
		code   int
	}{
		{"the page itself", "127.0.0.1:8080", map[string]string{"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}, typeJSON, kill, true, 200},
		{"the page by name", "localhost:8080", map[string]string{"Origin": "http://localhost:8080", "Sec-Fetch-Site": "same-origin"}, typeJSON, kill, true, 200},
		{"an old browser", "[::1]:8080", map[string]string{"Origin": "http://[::1]:8080"}, typeJSON + "; charset=utf-8", kill, true, 200},
		{"a program", "node1.example.com", nil, typeJSON, kill, true, 200},
		{"not enabled", "127.0.0.1:8080", nil, typeJSON, kill, false, 403},
		{"another site", "127.0.0.1:8080", map[string]string{"Origin": "https://example.com", "Sec-Fetch-Site": "cross-site"}, typeJSON, kill, true, 403},
		{"another port", "127.0.0.1:8080", map[string]string{"Origin": "http://127.0.0.1:9090", "Sec-Fetch-Site": "same-site"}, typeJSON, kill, true, 403},
		{"another site, old browser", "127.0.0.1:8080", map[string]string{"Origin": "https://example.com"}, typeJSON, kill, true, 403},
		{"a hidden origin", "127.0.0.1:8080", map[string]string{"Origin": "null"}, typeJSON, kill, true, 403},
		{"a name led here", "evil.example.com:8080", map[string]string{"Origin": "http://evil.example.com:8080", "Sec-Fetch-Site": "same-origin"}, typeJSON, kill, true, 403},
		{"a form", "127.0.0.1:8080", nil, "text/plain", kill, true, 403},
		{"no type", "127.0.0.1:8080", nil, "", kill, true, 403},
		{"no JSON", "127.0.0.1:8080", nil, typeJSON, "kill", true, 400},
		{"two objects", "127.0.0.1:8080", nil, typeJSON, kill + kill, true, 400},
		{"an unknown field", "127.0.0.1:8080", nil, typeJSON, `{"fault":"kill","force":true}`, true, 400},
		{"a huge body", "127.0.0.1:8080", nil, typeJSON, `{"fault":"` + strings.Repeat("x", maxFault) + `"}`, true, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			do := &obedient{}
			e := &Ensemble{Kind: KindDemo, Acted: NewActions()}
			if c.faults {
				e.Faults = do
			}
			r := httptest.NewRequest(http.MethodPost, "/api/v1/faults", strings.NewReader(c.body))
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, loopback))
			r.Host = c.host
			r.Header.Set("Content-Type", c.kind)
			for name, value := range c.header {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			shown(t, e).ServeHTTP(w, r)
			lines, _, _ := e.Acted.after(0)
			want := 0
			if c.code == http.StatusOK {
				want = 1
			}
			if w.Code != c.code || len(do.asked) != want || len(lines) != want {
				t.Errorf("%d, asked %q, noted %s: %s", w.Code, do.asked, lines, w.Body)
			}
		})
	}
}

// TestFaultsThatFail are noted on the time line with the reason.
func TestFaultsThatFail(t *testing.T) {
	for err, code := range map[error]int{errStuck: http.StatusConflict, fmt.Errorf("%w: no sid", ErrBadFault): http.StatusBadRequest} {
		e := &Ensemble{Kind: KindDemo, Acted: NewActions(), Faults: &obedient{err: err}}
		r := httptest.NewRequest(http.MethodPost, "/api/v1/faults", strings.NewReader(`{"fault":"cut","sid":1,"peer":2,"for":"5s"}`))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		shown(t, e).ServeHTTP(w, r)
		lines, _, _ := e.Acted.after(0)
		if w.Code != code || len(lines) != 1 {
			t.Fatalf("%d: %s, %s", w.Code, w.Body, lines)
		}
		var got action
		if uerr := json.Unmarshal(lines[0], &got); uerr != nil || got.Text != "cut 1 2 for 5s" || got.Detail != err.Error() || got.SID != 1 {
			t.Errorf("%s, %v", lines[0], uerr)
		}
	}
}

// TestActions keeps the newest ones, numbered, and tells those who wait.
func TestActions(t *testing.T) {
	a := NewActions()
	_, _, more := a.after(0)
	sid := quorum.SID(3)
	for range maxActions + 10 {
		a.Note(fixedTime(), Fault{Verb: "kill", SID: &sid}, nil)
	}
	<-more // or the test hangs
	all, last, _ := a.after(0)
	if len(all) != maxActions || last != maxActions+10 || !strings.Contains(string(all[0]), `"number":11,`) {
		t.Errorf("%d lines up to %d, the first is %s", len(all), last, all[0])
	}
	if some, _, _ := a.after(last - 2); len(some) != 2 {
		t.Errorf("%d after the last but two", len(some))
	}
	(*Actions)(nil).Note(fixedTime(), Fault{}, nil) // nobody looks
}

// TestActionsInTheStream come between the events, before as well as after somebody listens, without ids.
func TestActionsInTheStream(t *testing.T) {
	s := recorder.NewStream(recorder.Options{Token: "tok"})
	e := &Ensemble{Kind: KindDemo, Events: s, Acted: NewActions()}
	e.Acted.Note(fixedTime(), Fault{Verb: "heal"}, nil)
	srv := serve(t, e.Handler())
	defer http.DefaultClient.CloseIdleConnections()
	l := subscribe(t, srv.url+"/api/v1/ensemble/events?from=kept", "")
	defer l.close()
	start := time.Now()
	e.Acted.Note(fixedTime(), Fault{Verb: "kill leader"}, nil)
	for _, want := range []string{"heal", "kill leader"} {
		m, err := l.next()
		if err != nil || m.name != "action" || !strings.Contains(m.data, `"text":"`+want+`"`) || m.id != "" {
			t.Fatalf("%+v, %v", m, err)
		}
	}
	if took := time.Since(start); took > streamAlive/2 {
		t.Errorf("only with a sign of life: after %s", took)
	}
	srv.end()
	s.Close(closeTime)
}

// counting is a member that counts how often it is asked.
type counting struct {
	Local
	asked atomic.Int64
}

func (c *counting) Status(ctx context.Context) (Status, error) {
	c.asked.Add(1)
	return c.Local.Status(ctx)
}

// TestEnsembleAnswer says what there is to see; many pages cost one question.
func TestEnsembleAnswer(t *testing.T) {
	r := past(t)
	well := &counting{Local: Local{Node: still{status: follower(t)}, History: r}}
	e := &Ensemble{Kind: KindDemo, Members: []Member{well, Local{Node: still{err: errStuck}, History: r}}, Faults: &obedient{}, Acted: NewActions(),
		TraceURL: "http://localhost:16686/trace/{trace_id}", Events: r}
	h := e.Handler()
	var got ensembleAnswer
	for range 100 {
		_, body := get(t, h, "/api/v1/ensemble")
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
	}
	if n := well.asked.Load(); n > 3 {
		t.Errorf("asked %d times for 100 pages", n)
	}
	if got.Kind != "demo" || got.Members[0].Status == nil || got.Members[0].Status.SID != 1 || got.Members[1].Status != nil || got.Members[1].Error != errStuck.Error() ||
		cmp.Diff(got.Faults, []string{"kill", "cut"}) != "" || got.Stream != r.Token() || got.TraceURL != e.TraceURL {
		t.Errorf("%+v", got)
	}
}

// TestEnsembleElections lists those of every member and gives their events.
func TestEnsembleElections(t *testing.T) {
	r := past(t)
	e := &Ensemble{Kind: KindDemo, Members: []Member{Local{Node: still{err: errStuck}, History: r}}, Events: r}
	h := e.Handler()
	_, body := get(t, h, "/api/v1/ensemble/elections")
	var list ElectionList
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Elections) == 0 {
		t.Fatalf("%s, %v", body, err)
	}
	sum := list.Elections[0]
	code, lines := get(t, h, fmt.Sprintf("/api/v1/ensemble/elections/%d/%s", sum.SID, sum.ID))
	if code != http.StatusOK || uint64(strings.Count(lines, "\n")) != sum.Events-sum.LeftOut {
		t.Errorf("%d, %d lines of %d events", code, strings.Count(lines, "\n"), sum.Events)
	}
	for _, p := range []string{"9/1", "1/99", "1/x"} {
		if code, body := get(t, h, "/api/v1/ensemble/elections/"+p); code != http.StatusNotFound {
			t.Errorf("%s: %d %s", p, code, body)
		}
	}
	if _, err := (Local{History: r}).Election(t.Context(), "99"); !errors.Is(err, ErrNoElection) {
		t.Error(err)
	}
}
