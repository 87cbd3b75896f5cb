package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"electnode/internal/recorder"
	"electnode/internal/web"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// listingWidth is how many columns a listing has; a narrower terminal gets fewer.
const listingWidth = 100

type electionsFlags struct {
	asJSON bool
	width  int
}

func electionsCommand() *cobra.Command {
	f := electionsFlags{width: listingWidth}
	cmd := &cobra.Command{
		Use: "elections [URL...] [ID]", Short: "Show the recent elections of nodes, or one of them event by event",
		Long: "Show the recent elections of nodes as a table, the newest first. With an ID, the number of an election or\n" +
			"its trace id, that election event by event, a lane for each server. The recordings of several nodes are\n" +
			"merged: the ID is one of the first node that has it, the others are found by the trace id. Exit status 1\n" +
			"when no node answers, or none has the election.",
		Example: "  electnode elections\n  electnode elections 7\n" +
			"  electnode elections http://zoo1:7000 http://zoo2:7000 http://zoo3:7000 7\n" +
			"  electnode elections 7 --json > election.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			urls, id, err := electionArgs(args)
			if err != nil {
				return usage(err)
			}
			if file, ok := cmd.OutOrStdout().(*os.File); ok {
				if w, _, err := term.GetSize(int(file.Fd())); err == nil && w > 0 {
					f.width = min(f.width, max(w, 60))
				}
			}
			return showElections(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), urls, id, f)
		},
	}
	cmd.Flags().BoolVar(&f.asJSON, "json", false,
		"as JSON, in the form of /api/v1/elections; with an ID JSON lines, one event each, for electnode replay")
	return cmd
}

// electionArgs tells URLs from the ID, which is digits, with the sid before a dot for a watcher, or 32 hex digits: a
// trace id.
func electionArgs(args []string) (urls []string, id string, err error) {
	for _, arg := range args {
		if !isElection(arg) {
			urls = append(urls, arg)
			continue
		}
		if id != "" {
			return nil, "", fmt.Errorf("two elections, %s and %s: one at a time", id, arg)
		}
		id = arg
	}
	if len(urls) == 0 {
		urls = []string{"http://127.0.0.1:7000"}
	}
	return urls, id, nil
}

func isElection(arg string) bool {
	return strings.Trim(arg, "0123456789") == "" || len(arg) == 32 && strings.Trim(arg, "0123456789abcdef") == "" ||
		watchedElection.MatchString(arg)
}

// watchedElection is the form of the ids of a watcher: a server and the number of its election.
var watchedElection = regexp.MustCompile(`^-?[0-9]+\.[0-9]+$`)

func showElections(ctx context.Context, out, errs io.Writer, urls []string, id string, f electionsFlags) error {
	all := askHistories(ctx, urls)
	answered := slices.ContainsFunc(all, func(h history) bool { return h.err == nil })
	for _, h := range all {
		if h.err != nil {
			// Standard error is gone: the exit status still tells.
			_, _ = fmt.Fprintf(errs, "electnode: %s: %s\n", h.url, plain(h.err.Error()))
		}
	}
	switch {
	case !answered:
		return failed(errors.New("no node answers"))
	case id != "":
		return failed(showElection(ctx, out, errs, all, id, f))
	case f.asJSON:
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return failed(enc.Encode(web.ElectionList{Elections: newestFirst(all)}))
	default:
		return failed(electionTable(out, newestFirst(all)))
	}
}

// newestFirst lists the elections of all nodes.
func newestFirst(all []history) []recorder.Summary {
	list := []recorder.Summary{}
	for _, h := range all {
		list = append(list, h.elections...)
	}
	slices.SortStableFunc(list, func(a, b recorder.Summary) int { return b.Start.Compare(a.Start) })
	return list
}

// showElection shows one election, as all the nodes tell it that have recorded it.
func showElection(ctx context.Context, out, errs io.Writer, all []history, id string, f electionsFlags) error {
	chosen, err := chooseElection(all, id)
	if err != nil {
		return err
	}
	tales := chosen.tales(ctx, all)
	merged := listing{chosen: chosen.election, width: f.width}
	for _, t := range tales {
		if t.err != nil {
			_, _ = fmt.Fprintf(errs, "electnode: %s: %s\n", t.url, plain(t.err.Error())) // as above
			continue
		}
		merged.recorded = append(merged.recorded, t.election)
		merged.unknown += t.unknown
		merged.tales = append(merged.tales, t.events)
	}
	if len(merged.tales) == 0 {
		return fmt.Errorf("election %s could not be read", id)
	}
	if f.asJSON {
		for _, ev := range mergeTales(merged.tales) {
			if _, err := fmt.Fprintf(out, "%s\n", ev.line); err != nil {
				return err
			}
		}
		return nil
	}
	_, err = io.WriteString(out, merged.text())
	return err
}

// chosenElection is the election that was asked for, and who has it under this id.
type chosenElection struct {
	election recorder.Summary
	url      string
}

// chooseElection finds an election by its number or trace id on the first node that has it.
func chooseElection(all []history, id string) (chosenElection, error) {
	var there []string
	for _, h := range all {
		for _, e := range h.elections {
			if e.ID == id || e.TraceID == id || e.ProvisionalTraceID == id {
				return chosenElection{e, h.url}, nil
			}
		}
		if n := len(h.elections); h.err == nil && n > 0 {
			there = append(there, fmt.Sprintf("%s has %s to %s", h.url, plain(h.elections[n-1].ID), plain(h.elections[0].ID)))
		}
	}
	if len(there) == 0 {
		return chosenElection{}, fmt.Errorf("no election %s: none was recorded yet", id)
	}
	return chosenElection{}, fmt.Errorf("no election %s: %s", id, strings.Join(there, ", "))
}

// tales fetches the recordings of the chosen election, one a server.
func (c chosenElection) tales(ctx context.Context, all []history) []tale {
	var wanted []tale
	seen := map[string]bool{}
	for _, h := range all {
		for _, e := range h.elections {
			same := e.TraceID != "" && e.TraceID == c.election.TraceID || h.url == c.url && e.ID == c.election.ID
			key := e.SID.String() + " " + e.ID
			if same && !seen[key] {
				seen[key] = true
				wanted = append(wanted, tale{url: h.url, election: e})
			}
		}
	}
	return fetchTales(ctx, wanted)
}

// plain makes text of others fit for a terminal: printable ASCII stays, all else is written by its number.
func plain(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// short prints a duration with three or four digits, in ASCII.
func short(d time.Duration) string {
	switch {
	case d <= 0:
		return "-"
	case d < time.Millisecond:
		return fmt.Sprintf("%dus", d.Microseconds())
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}
