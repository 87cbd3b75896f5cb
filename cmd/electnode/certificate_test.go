package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/config"
	"electnode/internal/event"
	"electnode/internal/quorum"
)

// TestCertificateEvents: what a node reads of its stores is told at the start and at each renewal, with the end of the
// certificate that is in force then.
func TestCertificateEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, firstKey := selfSigned(t)
		dir := written(t, map[string]string{"own.pem": firstKey + first, "ca.pem": first})
		cfg := tlsConfig(dir)
		cfg.TLS.Reload = true
		own := cfg.TLS.KeyStore.Location
		keeper, err := keeperOf(cfg)
		if err != nil {
			t.Fatal(err)
		}
		start := opening(keeper)
		if len(start) != 1 || opening(nil) != nil {
			t.Fatalf("%+v", start)
		}
		ev := start[0].(event.CertificateRenewed)
		end := keeper.Own().NotAfter
		if !ev.Start || !ev.OK || !ev.NotAfter.Equal(end) || !strings.HasPrefix(ev.Detail, "certificate of ") {
			t.Errorf("%+v", ev)
		}
		told := make(chan event.CertificateRenewed, 10) // more than there are
		emitter := event.NewEmitter(1, time.Now, event.SinkFunc(func(s event.Stamped) { told <- s.Event.(event.CertificateRenewed) }))
		ctx, cancel := context.WithCancel(t.Context())
		wait := renewing(ctx, keeper, cfg, slog.New(slog.NewTextHandler(io.Discard, nil)), emitter)
		time.Sleep(time.Minute)
		second, secondKey := selfSigned(t) // ends a minute later
		for _, c := range []struct {
			content string
			ok      bool
			end     time.Time
		}{{secondKey + second[:100], false, end}, {secondKey + second, true, end.Add(time.Minute)}} {
			if err := os.WriteFile(own, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got := <-told
			if got.Start || got.OK != c.ok || !got.NotAfter.Equal(c.end) || strings.Contains(got.Detail, own) == c.ok {
				t.Errorf("%+v, want ok %t until %s", got, c.ok, c.end)
			}
		}
		cancel()
		wait()
	})
}

// tlsConfig is that of a server 2 with stores in dir.
func tlsConfig(dir string) *config.Config {
	return &config.Config{MyID: 2, TLS: config.TLS{Quorum: true, Protocol: "TLSv1.2",
		KeyStore:   config.Store{Location: filepath.Join(dir, "own.pem"), Type: "PEM"},
		TrustStore: config.Store{Location: filepath.Join(dir, "ca.pem"), Type: "PEM"}}}
}

// TestCertificateDoubts: an own certificate that the others would refuse is a warning before they do.
func TestCertificateDoubts(t *testing.T) {
	cert, key := selfSigned(t) // for zoo1
	cfg := tlsConfig(written(t, map[string]string{"own.pem": key + cert, "ca.pem": cert}))
	for want, names := range map[string]map[quorum.SID][]string{
		"": {1: {"elsewhere"}, 2: {"zoo1"}},
		"electnode.peerNames: this server would refuse its own certificate for server 2: ": {1: {"zoo1"}, 2: {"zoo2"}},
	} {
		cfg.Own.PeerNames = names
		got := strings.Join(storeDoubts(cfg), "\n")
		if (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%v: %q, want %q", names, got, want)
		}
	}
}
