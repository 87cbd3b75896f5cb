package web

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/recorder"
)

// TestQuietStream: a stream on which nothing happens stays open, and shows a sign of life, whatever HTTP it is: HTTP/2 ends a
// request when the time limit of a write passes that was done long ago.
func TestQuietStream(t *testing.T) {
	for name, set := range map[string]func(p *http.Protocols){
		"HTTP/1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var proto http.Protocols
				set(&proto)
				events := recorder.NewStream(recorder.Options{})
				ln := pipes{make(chan net.Conn, 1)}
				srv := &http.Server{Handler: EventStream(events), Protocols: &proto}
				served := make(chan error, 1)
				// Ends with its listener.
				go func() { served <- srv.Serve(ln) }()
				client := &http.Transport{Protocols: &proto, DialContext: func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					ln.conns <- theirs
					return ours, nil
				}}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://node/", nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := client.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				begun, in := time.Now(), bufio.NewReader(resp.Body)
				for alive := 0; alive < 4; {
					line, err := in.ReadString('\n')
					if err != nil {
						t.Fatalf("after %s: %v", time.Since(begun), err)
					}
					if line == ": alive\n" {
						alive++
					}
				}
				if took := time.Since(begun); took != 4*streamAlive {
					t.Errorf("four signs of life after %s", took)
				}
				_ = resp.Body.Close() // thrown away
				client.CloseIdleConnections()
				close(ln.conns)
				_ = srv.Close() // nothing is left to be closed
				<-served
				events.Close(closeTime)
			})
		})
	}
}
