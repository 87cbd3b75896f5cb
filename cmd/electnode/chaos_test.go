package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// victim answers as a node with faults enabled and keeps what it was asked for. It ends the run after some faults.
type victim struct {
	mu    sync.Mutex
	asked []string
	left  int
	stop  context.CancelFunc
}

func (v *victim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		fmt.Fprint(w, `{"sid":1,"peers":[{"sid":2},{"sid":3}]}`)
		return
	}
	raw, _ := io.ReadAll(r.Body)
	var f faultRequest
	if err := json.Unmarshal(raw, &f); err != nil || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "no fault", http.StatusBadRequest)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked = append(v.asked, string(raw))
	if v.left--; v.left == 0 {
		v.stop()
	}
}

// faults runs chaos until n faults were asked for and returns all that was asked.
func faults(t *testing.T, f chaosFlags, n int) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	v := &victim{left: n, stop: cancel}
	s := httptest.NewServer(v)
	defer s.Close()
	defer http.DefaultClient.CloseIdleConnections()
	var out bytes.Buffer
	c := newChaos(&out, f, []string{s.URL})
	c.every = time.Millisecond // below what the flag allows: the bound is for people
	if err := c.run(ctx); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "healed 1 of 1 nodes") {
		t.Errorf("no healing at the end: %s", out.String())
	}
	return v.asked
}

// TestChaos: the same seed asks for the same faults, of every kind, and heals at the end.
func TestChaos(t *testing.T) {
	f := chaosFlags{every: time.Second, length: time.Minute, seed: 7, faults: chaosFaults()}
	first, second := faults(t, f, 60), faults(t, f, 60)
	if strings.Join(first, "\n") != strings.Join(second, "\n") {
		t.Errorf("the same seed asked for\n%v\nand\n%v", first, second)
	}
	all := strings.Join(first, "\n")
	for _, want := range append(chaosFaults(), "heal") {
		if !strings.Contains(all, `"fault":"`+want+`"`) {
			t.Errorf("%s was never asked for", want)
		}
	}
	if !strings.Contains(all, `"fault":"cut","peer":2,"for":"`) || strings.Contains(all, `"kill","for"`) {
		t.Errorf("cut names no peer and time, or kill a time: %s", all)
	}
	f.faults = []string{"pause"}
	if only := strings.Join(faults(t, f, 5), ""); strings.Count(only, "pause") != 5 {
		t.Errorf("%s", only)
	}
}

func TestChaosRefused(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "faults are not enabled", http.StatusForbidden)
	}))
	defer s.Close()
	defer http.DefaultClient.CloseIdleConnections()
	f := chaosFlags{every: time.Second, length: 50 * time.Millisecond, faults: []string{"resign"}}
	err := newChaos(io.Discard, f, []string{s.URL}).run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "403") || !strings.Contains(err.Error(), "not enabled") {
		t.Errorf("%v", err)
	}
	for _, bad := range []chaosFlags{{every: time.Millisecond, length: time.Minute, faults: []string{"cut"}},
		{every: time.Second, length: 48 * time.Hour, faults: []string{"cut"}},
		{every: time.Second, length: time.Minute, faults: []string{"earthquake"}}, {every: time.Second, length: time.Minute}} {
		if bad.check() == nil {
			t.Errorf("%+v is possible", bad)
		}
	}
}

// TestForeignWords: what somebody else's server says in an error is text for a terminal, not orders.
func TestForeignWords(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "no\x1b[2J\u009b\u202e")
	}))
	defer s.Close()
	defer http.DefaultClient.CloseIdleConnections()
	var out bytes.Buffer
	f := chaosFlags{every: time.Second, length: time.Nanosecond, faults: []string{"resign"}}
	err := newChaos(&out, f, []string{s.URL}).run(t.Context())
	if err == nil || !strings.Contains(err.Error(), `no\u001b[2J\u009b\u202e`) {
		t.Errorf("chaos: %v", err)
	}
	onlyText(t, out.String())
	if err := healthy(t.Context(), s.URL, "/healthz"); err == nil || !strings.Contains(err.Error(), `no\u001b[2J\u009b\u202e`) {
		t.Errorf("healthcheck: %v", err)
	}
}
