package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
)

// TestReplayRefuses: exit status 2 and a line that names file and line.
func TestReplayRefuses(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.jsonl")
	if err := os.WriteFile(bad, []byte("\nnothing\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for args, says := range map[string]string{"": "requires at least 1 arg", "/nowhere": "no such file", bad: bad + ":2: no JSON object"} {
		code, _, errs := executed(append([]string{"replay"}, strings.Fields(args)...)...)
		if code != exitUsage || !strings.Contains(errs, says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%q: exit %d, %s", args, code, errs)
		}
	}
}

// TestReplay serves a recording until it is told to end.
func TestReplay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one.jsonl")
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	line := event.AppendJSON(nil, event.Stamped{Time: at, Node: 4, Election: 1, Event: event.LeaderLost{}}, at)
	later := bytes.Replace(line, []byte("LeaderLost"), []byte("OfLater"), 1)
	if err := os.WriteFile(file, append(append(line, '\n'), later...), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	read, write := io.Pipe()
	var errs bytes.Buffer
	done := make(chan int, 1)
	// Ends with ctx.
	go func() {
		done <- execute(ctx, []string{"replay", file, "--web.listen-address", "127.0.0.1:0"}, write, &errs)
	}()
	said := make([]byte, 200)
	n, err := read.Read(said)
	url := regexp.MustCompile(`^1 servers recorded, look at (http://[^/]+)/\n$`).FindSubmatch(said[:n])
	if err != nil || url == nil {
		t.Fatalf("%q, %v", said[:n], err)
	}
	resp, err := http.Get(string(url[1]) + "/api/v1/ensemble")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if err != nil || !bytes.Contains(body, []byte(`"kind":"recording"`)) || !bytes.Contains(body, []byte(`"files":["one.jsonl"]`)) {
		t.Errorf("%s, %v", body, err)
	}
	cancel()
	if code := <-done; code != 0 || errs.String() != "electnode: 1 events of a later release are not shown\n" {
		t.Errorf("exit %d, %s", code, &errs)
	}
}
