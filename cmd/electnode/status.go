package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/web"

	"github.com/spf13/cobra"
)

// askTime is how long one node may take to answer.
const askTime = 2 * time.Second

// maxBody bounds what is read of an answer: a status of a hundred members has about 20 kB.
const maxBody = 1 << 20

type statusFlags struct {
	asJSON bool
	watch  bool
}

func statusCommand() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use: "status [URL...]", Short: "Ask nodes who leads",
		Long: "Ask nodes who leads, or a watcher about the servers that it watches. Exit status 0 when all of them agree\n" +
			"on one established leader, 3 when not, 1 when none answers. Of a watcher every server must be in sight.",
		Example: "  electnode status http://127.0.0.1:7000 http://127.0.0.1:7001\n  electnode status --watch",
		RunE: func(cmd *cobra.Command, urls []string) error {
			if len(urls) == 0 {
				urls = []string{"http://127.0.0.1:7000"}
			}
			if f.watch {
				return watchStatus(cmd.Context(), cmd.OutOrStdout(), urls, f)
			}
			return showStatus(cmd.Context(), cmd.OutOrStdout(), urls, f)
		},
	}
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "as JSON: a list, one entry a URL")
	cmd.Flags().BoolVar(&f.watch, "watch", false, "refresh in place, twice a second, until interrupted")
	return cmd
}

// answer is what one URL said.
type answer struct {
	URL    string      `json:"url"`
	Status *web.Status `json:"status,omitempty"`
	Error  string      `json:"error,omitempty"`
	// Watched is the server, when a watcher at URL tells this of it.
	Watched *quorum.SID `json:"watched,omitempty"`
}

func showStatus(ctx context.Context, out io.Writer, urls []string, f statusFlags) error {
	all := askAll(ctx, urls)
	var err error
	if f.asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(all)
	} else {
		err = table(out, all, time.Now())
	}
	return errors.Join(failed(err), verdict(all))
}

// Escape sequences of a terminal.
const (
	clearScreen = "\x1b[2J"
	homeCursor  = "\x1b[H"
	clearToEnd  = "\x1b[K" // of the line
	clearBelow  = "\x1b[J"
)

// watchStatus shows the table again and again, in the same place of the screen, until ctx ends.
func watchStatus(ctx context.Context, out io.Writer, urls []string, f statusFlags) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	if !f.asJSON {
		if _, err := io.WriteString(out, clearScreen); err != nil {
			return failed(err)
		}
	}
	for {
		all := askAll(ctx, urls)
		if ctx.Err() != nil {
			return nil
		}
		var b strings.Builder
		if f.asJSON {
			if err := json.NewEncoder(&b).Encode(all); err != nil {
				return failed(err)
			}
		} else {
			var text strings.Builder
			now := time.Now()
			if err := table(&text, all, now); err != nil {
				return failed(err)
			}
			lines := strings.ReplaceAll(text.String(), "\n", clearToEnd+"\n")
			b.WriteString(homeCursor + lines + "\n" + now.UTC().Format("15:04:05 UTC") + clearToEnd + "\n" + clearBelow)
		}
		if _, err := io.WriteString(out, b.String()); err != nil {
			return failed(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func askAll(ctx context.Context, urls []string) []answer {
	all := make([][]answer, len(urls))
	var group sync.WaitGroup
	for i, url := range urls {
		// Ends with its request, which has a deadline; the group waits for it.
		group.Go(func() {
			a := answer{URL: url}
			raw, err := fetch(ctx, url)
			if err == nil {
				if all[i], err = answersIn(raw, url); err == nil {
					return
				}
			}
			a.Error = err.Error()
			all[i] = []answer{a}
		})
	}
	group.Wait()
	return slices.Concat(all...)
}

// answersIn reads what a node says, or a demo's list of what each of its servers says.
func answersIn(raw []byte, url string) ([]answer, error) {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		var list []struct {
			SID     quorum.SID
			Status  *web.Status
			Error   string
			Watched bool
		}
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, fmt.Errorf("this is no electnode: %w", err)
		}
		var all []answer
		for _, n := range list {
			if n.Watched {
				all = append(all, answer{URL: url, Status: n.Status, Error: n.Error, Watched: &n.SID})
				continue
			}
			all = append(all, answer{URL: fmt.Sprintf("%s/nodes/%d", strings.TrimRight(url, "/"), n.SID),
				Status: n.Status, Error: n.Error})
		}
		if len(all) == 0 {
			return nil, errors.New("no server is known there yet")
		}
		return all, nil
	}
	var s web.Status
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("this is no electnode: %w", err)
	}
	return []answer{{URL: url, Status: &s}}, nil
}

// fetch gets the status that a URL has to offer.
func fetch(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+"/api/v1/status", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp.Status, raw)
	}
	return raw, err
}

// refusal is the reason that stands in the body of an answer, if there is one.
func refusal(status string, raw []byte) error {
	var body struct{ Error string }
	if json.Unmarshal(raw, &body) == nil && body.Error != "" {
		return errors.New(plain(status) + ": " + plain(body.Error))
	}
	return errors.New(plain(status))
}

// verdict is nil when all answered and agree on one established leader.
func verdict(all []answer) error {
	silent, agree := 0, true
	var leader *quorum.SID
	for _, a := range all {
		switch s := a.Status; {
		case s == nil:
			silent++
		case !s.Established || s.Leader == nil:
			agree = false
		case leader == nil:
			leader = s.Leader
		case *leader != *s.Leader || s.CurrentEpoch != firstEpoch(all):
			agree = false
		}
	}
	var what []string
	if !agree {
		what = append(what, "the nodes asked do not agree on one established leader")
	}
	if silent > 0 {
		what = append(what, fmt.Sprintf("%d of %d did not answer", silent, len(all)))
	}
	switch {
	case silent == len(all):
		return &exitError{exitFailed, errors.New("no node answers")}
	case len(what) > 0:
		return &exitError{exitDiffer, errors.New(strings.Join(what, "; "))}
	}
	return nil
}

func firstEpoch(all []answer) string {
	for _, a := range all {
		if a.Status != nil {
			return a.Status.CurrentEpoch
		}
	}
	return ""
}

// table writes a line for each node, and the sentence below them.
func table(out io.Writer, all []answer, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SID\tSTATE\tLEADER\tESTABLISHED\tROUND\tACCEPTED\tCURRENT\tZXID\tLINKS\tSINCE (UTC)\tURL")
	for _, a := range all {
		s := a.Status
		if s == nil {
			sid := "-"
			if a.Watched != nil {
				sid = a.Watched.String()
			}
			fmt.Fprintf(w, "%s\t-\t-\t-\t-\t-\t-\t-\t-\t-\t%s: %s\n", sid, a.URL, plain(a.Error))
			continue
		}
		leader := "-"
		if s.Leader != nil {
			leader = s.Leader.String()
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%t\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.SID, plain(s.State), leader, s.Established,
			plain(s.Round), orDash(s.AcceptedEpoch), orDash(s.CurrentEpoch), orDash(s.Zxid), a.links(),
			clock(s.Since, now), a.URL)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(out, outlook(all, now))
	return err
}

// links is how many of the others a server is connected with; nobody else can tell.
func (a answer) links() string {
	if a.Watched != nil {
		return "-"
	}
	up := 0
	for _, p := range a.Status.Peers {
		if p.Connected {
			up++
		}
	}
	return fmt.Sprintf("%d/%d", up, len(a.Status.Peers))
}

// orDash is what stands in a table for what is not known.
func orDash(text string) string { return cmp.Or(plain(text), "-") }
