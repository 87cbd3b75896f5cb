package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"electnode/internal/event"
	"electnode/internal/web"
	"electnode/test/bench/phases"
	"electnode/test/proc"
)

// events gives what an electnode has recorded of the elections that began at since or later.
func (s ownServer) events(since time.Time) ([]event.Stamped, error) {
	url := "http://" + s.node.HTTP + "/api/v1/elections"
	raw, err := get(url)
	if err != nil {
		return nil, err
	}
	var list web.ElectionList
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	var all []event.Stamped
	for _, e := range list.Elections {
		if e.Start.Before(since) {
			continue
		}
		raw, err := get(url + "/" + e.ID + "?format=jsonl")
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(raw) {
			s, err := event.ParseJSON(line)
			switch {
			case err == nil:
				all = append(all, s)
			case !errors.Is(err, event.ErrUnknown):
				return nil, fmt.Errorf("%s/%s: %w: %s", url, e.ID, err, line)
			}
		}
	}
	return all, nil
}

func get(url string) ([]byte, error) {
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, resp.Status, body)
	}
	return body, err
}

// phase is a part of an outage.
type phase struct {
	name string
	took time.Duration
}

// phases cuts an outage of electnodes into its phases, by what the survivors tell when it is over. A node's recorder may
// have the last event a moment later.
func (c *cluster) phases(o outage) []phase {
	c.tb.Helper()
	var all []phase
	proc.Every(c.tb, 10*time.Millisecond, patience, "the survivors tell of the fail-over", func() error {
		f := phases.FailOver{Killed: o.from, Seen: o.seen, Quorum: len(c.servers)/2 + 1}
		for _, i := range c.others(o.lost) {
			events, err := c.servers[i].(ownServer).events(o.from)
			if err != nil {
				return err
			}
			f.Events = append(f.Events, events...)
		}
		parts, err := f.Cut()
		all = all[:0]
		for i, took := range parts {
			all = append(all, phase{phases.Names()[i], took})
		}
		return err
	})
	return all
}

// established is the time of an outage of electnodes without its last phase, the measuring.
func (c *cluster) established(o outage) time.Duration {
	c.tb.Helper()
	var sum time.Duration
	for _, p := range c.phases(o) {
		if p.name != phases.Seen {
			sum += p.took
		}
	}
	return sum
}
