package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"electnode/internal/metrics"
	"electnode/internal/recorder"
	"electnode/internal/watch"
	"electnode/internal/web"

	"github.com/spf13/cobra"
)

// watchFlags are the flags of watch; those that run has, too, mean the same.
type watchFlags struct {
	runFlags
	configs   []string
	ensembles string
	name      string
	sid       int64
	interval  time.Duration
	clients   bool
	tls       tlsFiles
	dryRun    bool

	given func(flag string) bool // on the command line
}

// tlsFiles say how election ports are dialled with TLS, all of them PEM.
type tlsFiles struct{ cert, key, ca, serverName string }

func watchCommand(c *common) *cobra.Command {
	f := watchFlags{runFlags: runFlags{common: c}}
	cmd := &cobra.Command{
		Use: "watch TARGET...", Short: "Watch a foreign ensemble through its election ports",
		Long: "Watch a foreign ensemble of real ZooKeeper servers, or of electnodes, through its election ports. A TARGET is\n" +
			"host:electionPort, or sid=host:electionPort for an address that leads through a tunnel. One server that can be\n" +
			"reached is enough: the others are learnt from it. A watcher has no vote, is no member and listens nowhere but for\n" +
			"HTTP. Every question is the same; --dry-run prints it, and connects to nobody.",
		Example: "  electnode watch zoo1:3888\n  electnode watch --config /etc/zookeeper/conf/zoo.cfg --dry-run\n" +
			"  electnode watch --ensembles /etc/electnode/ensembles.yml",
		RunE: func(cmd *cobra.Command, args []string) error {
			f.given = cmd.Flags().Changed
			all, err := f.plan(args)
			if err != nil {
				return usage(err)
			}
			if f.dryRun {
				return failed(printPlan(cmd.OutOrStdout(), all))
			}
			return runWatch(cmd.Context(), f, all)
		},
	}
	f.addTo(cmd)
	return cmd
}

// addTo defines the flags.
func (f *watchFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.configs, "config", nil, "zoo.cfg of an ensemble to watch, several times if wanted; no myid is needed")
	flags.StringVar(&f.ensembles, "ensembles", "", "YAML file with several ensembles, see docs/configuration.md")
	flags.StringVar(&f.name, "name", "",
		"what the ensemble of the TARGETs is called in labels and paths [host:port of the first one; of --config its file name]")
	flags.Int64Var(&f.sid, "sid", 0,
		"the watcher's server id, above every server's and always the same [made of host name and ensemble]")
	flags.DurationVar(&f.interval, "interval", 250*time.Millisecond, "between two questions to one server, 50ms at least")
	flags.BoolVar(&f.clients, "client-port", false, "ask client ports srvr and mntr, too, every 5 s, where the configuration names them")
	flags.StringVar(&f.tls.cert, "tls.cert-file", "", "own certificate, PEM; any of these four flags means TLS to the TARGETs")
	flags.StringVar(&f.tls.key, "tls.key-file", "", "its key, PEM [in the file of the certificate]")
	flags.StringVar(&f.tls.ca, "tls.ca-file", "", "who signs the servers' certificates, PEM [the system's roots]")
	flags.StringVar(&f.tls.serverName, "tls.server-name", "", "the name in the servers' certificates [their host]")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be sent to whom and how often, and connect to nobody")
	f.addWeb(cmd)
}

// watching is an ensemble while it is watched.
type watching struct {
	plan    watchPlan
	watcher *watch.Watcher
	views   *watchViews
}

// runWatch watches all ensembles until ctx ends.
func runWatch(ctx context.Context, f watchFlags, plans []watchPlan) error {
	log, err := f.logger()
	if err != nil {
		return err
	}
	if err := web.CheckConfigFile(f.webConfig); err != nil {
		return usage(err)
	}
	if err := checkTraces(ctx, f.traceEndpoint); err != nil {
		return usage(err)
	}
	for _, p := range plans {
		for _, w := range p.warnings {
			log.Warn(w, "ensemble", p.name)
		}
	}
	b := buildInfo()
	series := metrics.NewWatched(metrics.WatchedOptions{Runtime: true,
		Build: metrics.Build{Version: b.Version, Revision: b.Commit, GoVersion: b.GoVersion}})
	in := watchRun{watchFlags: f, log: log, metrics: series}
	if len(plans) > 1 {
		in.stream = recorder.NewStream(recorder.Options{})
	}
	defer in.closeViews()
	for _, p := range plans {
		if err := in.add(ctx, p); err != nil {
			return usage(err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	waitLevel := f.toggleLevel(ctx, log)
	err = in.serve(ctx)
	cancel()
	waitLevel()
	return failed(err)
}

// serve answers HTTP and lets the watchers run until ctx ends.
func (in *watchRun) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer cancel()
	var server *web.Server
	if addrs := in.httpAddrs(); len(addrs) > 0 {
		var err error
		server, err = web.Listen(web.ListenOptions{Addrs: addrs, ConfigFile: in.webConfig, Log: in.log,
			Refused: func(_, _ string) { in.metrics.Refused() }}, in.handler())
		if err != nil {
			return err
		}
		in.log.Info("HTTP", "addresses", server.Addrs())
	}
	for _, w := range in.all {
		in.log.Info("watching", "ensemble", w.plan.name, "targets", w.plan.where(), "sid", w.plan.options.SID.String(),
			"interval", w.plan.options.Interval.String(), "tls", w.plan.tls, "client_port", w.plan.options.Enrich)
		w.plan.keepStores(ctx, &watchers, in.log)
		// Ends with ctx; serve waits for it.
		watchers.Go(func() { w.watcher.Run(ctx) })
	}
	<-ctx.Done()
	if server == nil {
		return nil
	}
	err := server.Close()
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // a client that did not finish in time
	}
	return err
}
