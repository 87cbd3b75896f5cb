package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHealthcheck(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer http.DefaultClient.CloseIdleConnections()
	check := func(want int, args ...string) {
		t.Helper()
		if got := execute(t.Context(), append([]string{"healthcheck"}, args...), io.Discard, io.Discard); got != want {
			t.Errorf("healthcheck %v is %d, want %d", args, got, want)
		}
	}
	check(0, s.URL)
	check(0, s.Listener.Addr().String())
	check(exitFailed, s.URL, "--ready")
	s.Close()
	check(exitFailed, s.URL)
	check(exitUsage, s.URL, s.URL)
}
