package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"electnode/internal/event"
	"electnode/internal/recorder"
	"electnode/internal/web"
)

// maxRecording bounds what is read of an answer: a node keeps some megabytes.
const maxRecording = 64 << 20

// recordingTime is how long one node may take to answer with a recording.
const recordingTime = 10 * time.Second

// history is what one URL says of its elections.
type history struct {
	url       string
	elections []recorder.Summary
	err       error
}

// tale is what one server tells of an election.
type tale struct {
	url      string
	election recorder.Summary
	events   []told
	unknown  int // events of a later release
	err      error
}

// told is an event with the line it came in and the time it happened at, by a clock that never steps back.
type told struct {
	event.Stamped
	at   time.Time
	line []byte
}

// askHistories asks every URL; one that answers for several servers, as a demo does, gives an entry for each.
func askHistories(ctx context.Context, urls []string) []history {
	return askEach(urls, func(url string) []history {
		h := askHistory(ctx, baseOf(url))
		if !errors.Is(h.err, errNoHistory) {
			return []history{h}
		}
		if several := membersOf(ctx, h.url); len(several) > 0 {
			return askEach(several, func(url string) []history { return []history{askHistory(ctx, url)} })
		}
		return []history{h}
	})
}

func askEach(urls []string, ask func(url string) []history) []history {
	all := make([][]history, len(urls))
	var group sync.WaitGroup
	for i, url := range urls {
		// Ends with its requests, which have deadlines; the group waits for it.
		group.Go(func() { all[i] = ask(url) })
	}
	group.Wait()
	return slices.Concat(all...)
}

func baseOf(url string) string {
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	return strings.TrimRight(url, "/")
}

// errNoHistory says that a URL answers, but has no path for elections.
var errNoHistory = errors.New("no elections are recorded there")

func askHistory(ctx context.Context, base string) history {
	h := history{url: base}
	raw, code, err := fetchPath(ctx, base+"/api/v1/elections")
	if code == http.StatusNotFound {
		err = errNoHistory
	}
	if err == nil {
		h.elections, err = electionsIn(raw)
	}
	h.err = err
	return h
}

func electionsIn(raw []byte) ([]recorder.Summary, error) {
	var list web.ElectionList
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("this is no electnode: %w", err)
	}
	return list.Elections, nil
}

// membersOf lists the URLs of the servers that one URL answers for; none if it is one server, or nothing of ours.
func membersOf(ctx context.Context, base string) []string {
	raw, err := fetch(ctx, base)
	if err != nil || !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		return nil
	}
	answers, err := answersIn(raw, base)
	if err != nil {
		return nil
	}
	var urls []string
	for _, a := range answers {
		urls = append(urls, a.URL)
	}
	return urls
}

// fetchTales gets the recordings and reads them.
func fetchTales(ctx context.Context, wanted []tale) []tale {
	var group sync.WaitGroup
	for i := range wanted {
		// Ends with its request, which has a deadline; the group waits for it.
		group.Go(func() {
			t := &wanted[i]
			raw, _, err := fetchPath(ctx, t.url+"/api/v1/elections/"+url.PathEscape(t.election.ID)+"?format=jsonl")
			if err == nil {
				err = t.read(raw)
			}
			t.err = err
		})
	}
	group.Wait()
	return wanted
}

// read parses JSON lines. Times are those of the wall clock at the first line, and from there on those of the
// monotonic clock.
func (t *tale) read(raw []byte) error {
	var start time.Time
	var mono time.Duration
	for line := range bytes.Lines(raw) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		s, m, err := event.ParseTimed(line)
		if errors.Is(err, event.ErrUnknown) {
			t.unknown++
			continue
		}
		if err != nil {
			return fmt.Errorf("election %s: %w", plain(t.election.ID), err)
		}
		if len(t.events) == 0 {
			start, mono = s.Time, m
		}
		t.events = append(t.events, told{Stamped: s, at: start.Add(m - mono), line: line})
	}
	return nil
}

// fetchPath gets a URL; the status is 0 when there was no answer.
func fetchPath(ctx context.Context, url string) (body []byte, code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, recordingTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxRecording+1))
	switch {
	case err != nil:
		return nil, resp.StatusCode, err
	case resp.StatusCode != http.StatusOK:
		return nil, resp.StatusCode, errors.New(plain(resp.Status))
	case len(raw) > maxRecording:
		return nil, resp.StatusCode, fmt.Errorf("more than %d bytes", maxRecording)
	}
	return raw, resp.StatusCode, nil
}
