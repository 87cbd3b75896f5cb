package main

import (
	"bytes"
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
		Long: "Ask nodes who leads. Exit status 0 when all the nodes asked agree on one established leader,\n" +
			"3 when not, 1 when none answers.",
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
}

func showStatus(ctx context.Context, out io.Writer, urls []string, f statusFlags) error {
	all := askAll(ctx, urls)
	var err error
	if f.asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(all)
	} else {
		err = table(out, all)
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
			if err := table(&text, all); err != nil {
				return failed(err)
			}
			lines := strings.ReplaceAll(text.String(), "\n", clearToEnd+"\n")
			b.WriteString(homeCursor + lines + "\n" + time.Now().Format("15:04:05") + clearToEnd + "\n" + clearBelow)
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
			SID    quorum.SID
			Status *web.Status
			Error  string
		}
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, fmt.Errorf("this is no electnode: %w", err)
		}
		var all []answer
		for _, n := range list {
			all = append(all, answer{URL: fmt.Sprintf("%s/nodes/%d", strings.TrimRight(url, "/"), n.SID),
				Status: n.Status, Error: n.Error})
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
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxBody))
}

// verdict is nil when all answered and agree on one established leader.
func verdict(all []answer) error {
	answered, agree := 0, true
	var leader *quorum.SID
	for _, a := range all {
		switch s := a.Status; {
		case s == nil:
			agree = false
			continue
		case !s.Established || s.Leader == nil:
			agree = false
		case leader == nil:
			leader = s.Leader
		case *leader != *s.Leader || a.Status.CurrentEpoch != firstEpoch(all):
			agree = false
		}
		answered++
	}
	switch {
	case answered == 0:
		return &exitError{exitFailed, errors.New("no node answers")}
	case !agree:
		return &exitError{exitDiffer, errors.New("the nodes asked do not agree on one established leader")}
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

// table writes a line for each node.
func table(out io.Writer, all []answer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SID\tSTATE\tLEADER\tESTABLISHED\tROUND\tACCEPTED\tCURRENT\tZXID\tLINKS\tSINCE\tURL")
	for _, a := range all {
		s := a.Status
		if s == nil {
			fmt.Fprintf(w, "-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t%s: %s\n", a.URL, a.Error)
			continue
		}
		leader := "-"
		if s.Leader != nil {
			leader = s.Leader.String()
		}
		links := 0
		for _, p := range s.Peers {
			if p.Connected {
				links++
			}
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%t\t%s\t%s\t%s\t%s\t%d/%d\t%s\t%s\n", s.SID, s.State, leader, s.Established,
			s.Round, s.AcceptedEpoch, s.CurrentEpoch, s.Zxid, links, len(s.Peers),
			s.Since.Format("15:04:05.000"), a.URL)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(out, outlook(all))
	return err
}

// outlook says in a sentence how the ensemble stands, as its established leader sees it.
func outlook(all []answer) string {
	for _, a := range all {
		s := a.Status
		if s == nil || s.FailureTolerance == nil || s.EstablishedSince == nil {
			continue
		}
		what := fmt.Sprintf("%d more voters may be lost", *s.FailureTolerance)
		switch *s.FailureTolerance {
		case 0:
			what = "ONE MORE LOSS ENDS THE QUORUM"
		case 1:
			what = "one more voter may be lost"
		}
		return fmt.Sprintf("\nserver %d leads in epoch %s since %s (%s); %s\n", s.SID, s.CurrentEpoch,
			s.EstablishedSince.Format("2006-01-02 15:04:05"), time.Since(*s.EstablishedSince).Round(time.Second), what)
	}
	return "\nno established leader among the nodes asked\n"
}
