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
	traceURL  string
}

// traceURLHelp explains --web.trace-url.
const traceURLHelp = "where the page links to for a trace, as http://localhost:16686/trace/{trace_id}"

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
	cmd.Flags().StringVar(&f.traceURL, "web.trace-url", "", traceURLHelp)
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
	shown, err := openEnsembleViews(ctx, f, log)
	if err != nil {
		return err
	}
	defer shown.close()
	opt.Sink = event.FanOut{printer, shown}
	e, err := demo.Start(opt)
	if err != nil {
		return failed(err)
	}
	faults := newDemoFaults(e, web.NewActions())
	closeWeb, err := f.serve(out, e, shown, faults)
	if err == nil {
		err = play(ctx, printer, faults, script, f.duration, start)
	}
	faults.close()
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
func (f demoFlags) serve(out io.Writer, e *demo.Ensemble, shown *ensembleViews, faults *demoFaults) (func() error, error) {
	none := func() error { return nil }
	if f.listen == "off" {
		return none, nil
	}
	s, err := web.Listen(web.ListenOptions{Addrs: []string{f.listen}, Refused: shown.nodes[1].turnedAway}, demoHandler(faults, shown, f.traceURL))
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

// demoHandler answers for each server below /nodes/SID/, and shows all of them on one page.
func demoHandler(faults *demoFaults, shown *ensembleViews, traceURL string) http.Handler {
	e := faults.e
	page := web.Ensemble{Kind: web.KindDemo, Events: shown.stream, Faults: faults, Acted: faults.actions,
		TraceURL: traceURL}
	sources := map[quorum.SID]web.Source{}
	mux := http.NewServeMux()
	for _, sid := range e.SIDs() {
		prefix := "/nodes/" + strconv.FormatInt(int64(sid), 10)
		sources[sid] = member{e, sid}
		page.Members = append(page.Members, web.Local{Node: sources[sid], History: shown.nodes[sid].history})
		mux.Handle(prefix+"/", http.StripPrefix(prefix, web.Handler(web.Site{Node: sources[sid],
			Metrics: shown.nodes[sid].scrapes(), History: shown.nodes[sid].history})))
	}
	mux.Handle("/", web.EnsembleHandler(e.SIDs(), sources))
	page.AddTo(mux)
	return mux
}

// play carries the script out until duration is over or ctx ends.
func play(ctx context.Context, p *demo.Printer, faults *demoFaults, script []demo.Action, duration time.Duration, start time.Time) error {
	e := faults.e
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
			begun := time.Now()
			err := e.Do(ctx, a)
			faults.actions.Note(begun, faultOf(a), err)
			if err != nil {
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
