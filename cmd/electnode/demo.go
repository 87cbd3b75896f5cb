package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"electnode/internal/demo"
	"electnode/internal/event"
	"electnode/internal/logging"
	"electnode/internal/node"
	"electnode/internal/quorum"
	"electnode/internal/web"

	"github.com/spf13/cobra"
)

type demoFlags struct {
	*common
	nodes     int
	observers int
	listen    string
	duration  time.Duration
	script    string
	lines     bool
}

func demoCommand(c *common) *cobra.Command {
	f := demoFlags{common: c}
	cmd := &cobra.Command{
		Use: "demo", Short: "Run an ensemble in one process and watch it elect",
		Long: "Run an ensemble in one process, over loopback TCP, in a temporary directory of its own. A script\n" +
			"plays faults: a line each, for example\n\n" +
			"  at 5s kill leader\n  at 8s restart 3\n  at 10s partition 1,2 | 3\n  at 15s heal",
		Example: "  electnode demo --nodes 5 --observers 1\n  electnode demo --duration 20s --script faults.txt",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), cmd.OutOrStdout(), f) },
	}
	cmd.Flags().IntVar(&f.nodes, "nodes", 3, "voters")
	cmd.Flags().IntVar(&f.observers, "observers", 0, "observers besides")
	cmd.Flags().StringVar(&f.listen, "web.listen-address", "127.0.0.1:8080", "where to answer HTTP; off for nowhere")
	cmd.Flags().DurationVar(&f.duration, "duration", 0,
		"end by itself after this time: exit status 0 when a leader is established then, else 1; 0 is never")
	cmd.Flags().StringVar(&f.script, "script", "", "file with faults to play")
	cmd.Flags().BoolVar(&f.lines, "log", false, "log lines on stderr as well")
	return cmd
}

func runDemo(ctx context.Context, out io.Writer, f demoFlags) error {
	opt := demo.Options{Nodes: f.nodes, Observers: f.observers, Seed: seed}
	script, err := f.actions()
	if err := errors.Join(opt.Check(), err); err != nil {
		return usage(err)
	}
	log, err := f.logger()
	if err != nil {
		return err
	}
	start := time.Now()
	printer := demo.NewPrinter(out, start)
	opt.Sink = printer
	if f.lines {
		lines := logging.NewSink(log)
		defer lines.Close(flushTime)
		opt.Sink = event.FanOut{printer, lines}
	}
	e, err := demo.Start(opt)
	if err != nil {
		return failed(err)
	}
	closeWeb, err := f.serve(out, e)
	if err == nil {
		err = play(ctx, printer, e, script, f.duration, start)
	}
	return errors.Join(failed(err), failed(closeWeb()), failed(e.Close()))
}

func (f demoFlags) actions() ([]demo.Action, error) {
	if f.script == "" {
		return nil, nil
	}
	file, err := os.Open(f.script)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return demo.ParseScript(file, f.script)
}

// serve answers HTTP for the whole ensemble and prints where.
func (f demoFlags) serve(out io.Writer, e *demo.Ensemble) (func() error, error) {
	none := func() error { return nil }
	if f.listen == "off" {
		return none, nil
	}
	s, err := web.Listen([]string{f.listen}, demoHandler(e))
	if err != nil {
		return none, fmt.Errorf("%w (another address: --web.listen-address, none: off)", err)
	}
	_, err = fmt.Fprintf(out, "%d servers, look at http://%s/\n", len(e.SIDs()), s.Addrs()[0])
	return s.Close, err
}

// member is one server of the ensemble as a source of status.
type member struct {
	e   *demo.Ensemble
	sid quorum.SID
}

func (m member) Status(ctx context.Context) (node.Status, error) { return m.e.Status(ctx, m.sid) }

// demoHandler answers for each server below /nodes/SID/.
func demoHandler(e *demo.Ensemble) http.Handler {
	sources := map[quorum.SID]web.Source{}
	mux := http.NewServeMux()
	for _, sid := range e.SIDs() {
		prefix := "/nodes/" + strconv.FormatInt(int64(sid), 10)
		sources[sid] = member{e, sid}
		mux.Handle(prefix+"/", http.StripPrefix(prefix, web.Handler(sources[sid], nil)))
	}
	mux.Handle("/", web.EnsembleHandler(e.SIDs(), sources))
	return mux
}

// play carries the script out until duration is over or ctx ends.
func play(ctx context.Context, p *demo.Printer, e *demo.Ensemble, script []demo.Action, duration time.Duration, start time.Time) error {
	var end <-chan time.Time
	if duration > 0 {
		timer := time.NewTimer(time.Until(start.Add(duration)))
		defer timer.Stop()
		end = timer.C
	}
	for _, a := range script {
		timer := time.NewTimer(time.Until(start.Add(a.At)))
		select {
		case <-timer.C:
			p.Say(a.Text)
			if err := e.Do(ctx, a); err != nil {
				p.Say("not done: " + err.Error())
			}
		case <-end:
			timer.Stop()
			return established(ctx, e)
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
	select {
	case <-end:
		return established(ctx, e)
	case <-ctx.Done():
		return nil
	}
}

func established(ctx context.Context, e *demo.Ensemble) error {
	if _, ok := e.Leader(ctx); !ok {
		return errors.New("no leader is established")
	}
	return nil
}
