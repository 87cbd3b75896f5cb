package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"electnode/internal/web"

	"github.com/spf13/cobra"
)

type replayFlags struct {
	*common
	listen   string
	traceURL string
}

func replayCommand(c *common) *cobra.Command {
	f := replayFlags{common: c}
	cmd := &cobra.Command{
		Use: "replay FILE...", Short: "Show a recording on the live page",
		Long: "Show a recording on the live page: JSON lines as /api/v1/events or electnode elections ID --json give them, of\n" +
			"one node or of several, in one file or in many. - is standard input.",
		Example: "  electnode elections 7 --json > election.jsonl\n  electnode replay election.jsonl",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runReplay(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f, args)
		},
	}
	cmd.Flags().StringVar(&f.listen, "web.listen-address", "127.0.0.1:8080", "where to answer HTTP")
	cmd.Flags().StringVar(&f.traceURL, "web.trace-url", "", traceURLHelp)
	return cmd
}

// runReplay serves the recording until ctx ends.
func runReplay(ctx context.Context, in io.Reader, out, errs io.Writer, f replayFlags, files []string) error {
	log, err := f.logger()
	if err != nil {
		return err
	}
	rec, names := web.NewRecording(), []string{}
	for _, file := range files {
		if err := readRecording(rec, in, file); err != nil {
			return usage(err)
		}
		names = append(names, filepath.Base(file))
	}
	if n := rec.Skipped(); n > 0 {
		// Standard error is gone: the page still shows the rest.
		_, _ = fmt.Fprintf(errs, "electnode: %d events of a later release are not shown\n", n)
	}
	page := rec.Ensemble(rand.Text()[:10], names)
	page.TraceURL = f.traceURL
	s, err := web.Listen(web.ListenOptions{Addrs: []string{f.listen}, Log: log}, page.Handler())
	if err != nil {
		return failed(fmt.Errorf("%w (another address: --web.listen-address)", err))
	}
	if _, err := fmt.Fprintf(out, "%d servers recorded, look at http://%s/\n", len(page.Members), s.Addrs()[0]); err != nil {
		return errors.Join(failed(err), failed(s.Close()))
	}
	<-ctx.Done()
	return failed(s.Close())
}

func readRecording(rec *web.Recording, in io.Reader, file string) error {
	if file == "-" {
		return rec.Read(in, "standard input")
	}
	opened, err := os.Open(file)
	if err != nil {
		return err
	}
	defer opened.Close()
	return rec.Read(opened, file)
}
