package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"electnode/internal/config"
	"electnode/internal/durable"
	"electnode/internal/names"
	"electnode/internal/node"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/web"
	"electnode/internal/zab"

	"github.com/spf13/cobra"
)

type runFlags struct {
	*common
	webListen     []string
	webConfig     string
	pprof         bool
	traceEndpoint string
	faults        bool
	traceURL      string
}

func runCommand(c *common) *cobra.Command {
	f := runFlags{common: c}
	cmd := &cobra.Command{
		Use: "run [ZOO_CFG]", Short: "Run one node of an ensemble",
		Long: "Run one node of an ensemble. Without a file: the one in ELECTNODE_CONFIG, else ZOO_MY_ID and\n" +
			"ZOO_SERVERS as the official ZooKeeper image reads them, else ./zoo.cfg.",
		Example: "  electnode run /etc/zookeeper/conf/zoo.cfg --web.listen-address=127.0.0.1:7000",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runNode(cmd.Context(), f, args) },
	}
	f.addWeb(cmd)
	cmd.Flags().BoolVar(&f.faults, "faults.enabled", false,
		"let whoever reaches HTTP kill, pause, isolate, cut off and heal this node")
	return cmd
}

// addWeb defines the flags of HTTP and of traces.
func (f *runFlags) addWeb(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.webListen, "web.listen-address", []string{":7000"},
		"where to answer HTTP, several times if wanted; off for nowhere")
	cmd.Flags().StringVar(&f.webConfig, "web.config.file", "",
		"TLS and basic auth for HTTP, in the format of the Prometheus exporter-toolkit")
	cmd.Flags().BoolVar(&f.pprof, "web.enable-pprof", false, "answer /debug/pprof")
	cmd.Flags().StringVar(&f.traceEndpoint, "trace.endpoint", "",
		"where traces go by OTLP, as http://host:4318, or host:4317 for gRPC; else the OTEL_ environment says")
	cmd.Flags().StringVar(&f.traceURL, "web.trace-url", "", traceURLHelp)
}

// runNode is the life of one node: until ctx ends, or something that it cannot do without does.
func runNode(ctx context.Context, f runFlags, args []string) error {
	log, err := f.logger()
	if err != nil {
		return err
	}
	cfg, warnings, err := config.Resolve(args, os.LookupEnv)
	for _, w := range warnings {
		log.Warn(w.String(), "code", w.Code)
	}
	if err != nil {
		return usage(err)
	}
	for _, u := range cfg.Unused {
		log.Debug("not used by an election node", "key", u.Key, "value", u.Value)
	}
	if err := web.CheckConfigFile(f.webConfig); err != nil {
		return usage(err)
	}
	book := names.NewBook(network(cfg))
	defer book.Close()
	network, keeper, err := secureNetwork(cfg, book, log)
	if err != nil {
		return usage(err)
	}
	store, epochs, err := durable.Open(durable.OS{}, cfg.DataDir, cfg.DataLogDir)
	if err != nil {
		return usage(err)
	}
	shown, err := openViews(ctx, viewOptions{self: cfg.MyID, view: cfg.View, log: log, pipe: f.pipe, lines: true,
		traceEndpoint: f.traceEndpoint, runtime: true})
	if err != nil {
		return errors.Join(err, failed(store.Close()))
	}
	ctx, cancel := context.WithCancel(ctx)
	waitLevel := f.toggleLevel(ctx, log)
	waitKeeper := renewing(ctx, keeper, cfg, log, shown.events)
	in := instance{runFlags: f, log: log, cfg: cfg, views: shown}
	err = in.serve(ctx, node.Parts{Network: network, Names: book, Store: store,
		Epochs: zab.Epochs{Accepted: epochs.Accepted, Current: epochs.Current}, Events: shown.events,
		MessageSeed: seed(), Opening: opening(keeper)})
	cancel()
	waitLevel()
	waitKeeper()
	shown.close()
	return errors.Join(err, failed(store.Close()))
}

// instance is one run of the command: its settings and what shows its events.
type instance struct {
	runFlags
	log   *slog.Logger
	cfg   *config.Config
	views *views
}

// network is TCP. Data that nobody acknowledges for as long as a leader waits for a silent learner, and for
// as long as a frame may take, ends a connection.
func network(cfg *config.Config) qcm.TCP {
	const frame = 5 * time.Second
	return qcm.TCP{KeepAlive: cfg.Network.KeepAlive,
		AckTimeout: max(frame, cfg.Tick*time.Duration(cfg.SyncTicks()))}
}

// serve assembles the node and what is to be seen of it, and runs them.
func (in instance) serve(ctx context.Context, parts node.Parts) error {
	opt, err := node.Assemble(in.cfg, parts)
	if err != nil {
		return usage(err)
	}
	n, err := node.New(opt)
	if err != nil {
		return failed(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	// Ends when ctx does or the node cannot go on; what follows waits for it.
	go func() { done <- n.Run(ctx) }()
	closers, err := in.windows(n)
	if err != nil {
		cancel()
		return errors.Join(failed(err), failed(<-done))
	}
	err = <-done
	in.views.settle() // who listens is told of the node's end
	for _, c := range closers {
		err = errors.Join(err, c.Close())
	}
	return failed(err)
}

type closer interface{ Close() error }

// closeFunc makes a function a closer.
type closeFunc func() error

// Close calls f.
func (f closeFunc) Close() error { return f() }

// windows opens the ports at which the node can be looked at: HTTP and the client port.
func (in instance) windows(n *node.Node) ([]closer, error) {
	var closers []closer
	fail := func(err error) ([]closer, error) {
		for _, c := range closers {
			err = errors.Join(err, c.Close())
		}
		return nil, err
	}
	if addrs := in.httpAddrs(); len(addrs) > 0 {
		site, done := in.site(n)
		closers = append(closers, done)
		s, err := web.Listen(web.ListenOptions{Addrs: addrs, ConfigFile: in.webConfig, Log: in.log,
			Refused: in.views.turnedAway}, web.Handler(site))
		if err != nil {
			return fail(err)
		}
		closers = append(closers, s)
		in.log.Info("HTTP", "addresses", s.Addrs())
	}
	if in.cfg.ClientAddress != "" {
		w, err := web.ListenWords(web.WordOptions{Addr: in.cfg.ClientAddress, Whitelist: in.cfg.Commands, Source: n,
			Config:  func(v *quorum.View) []string { return web.ConfLines(in.cfg, v) },
			DataDir: in.cfg.DataDir, Version: version, Events: in.views.events})
		if err != nil {
			return fail(err)
		}
		closers = append(closers, w)
	}
	return closers, nil
}

// site is what there is to see of the node over HTTP, and what ends with it.
func (in instance) site(n *node.Node) (web.Site, closer) {
	page := &web.Ensemble{Kind: web.KindNode, Events: in.views.history,
		Members: []web.Member{web.Local{Node: n, History: in.views.history}}}
	site := web.Site{Node: n, Metrics: in.views.scrapes(), History: in.views.history, Ensemble: page}
	if in.pprof {
		site.Profiles = web.Profiles()
	}
	page.TraceURL = in.traceURL
	var ends []func() error
	if in.faults {
		faults := newNodeFaults(n, in.cfg.MyID)
		page.Faults, page.Acted = faults, web.NewActions()
		ends = append(ends, func() error { faults.close(); return nil })
	}
	if addresses := in.cfg.Own.WebPeers; len(addresses) > 0 {
		peers := web.NewPeers(in.cfg.MyID, in.views.history, addresses)
		page.Events, page.Members = peers, append(page.Members, peers.Members()...)
		ends = append(ends, peers.Close)
	}
	done := closeFunc(func() (err error) {
		for _, end := range ends {
			err = errors.Join(err, end())
		}
		return err
	})
	return site, done
}

// httpAddrs is where HTTP is wanted; none when "off" is among them.
func (f runFlags) httpAddrs() []string {
	if slices.Contains(f.webListen, "off") {
		return nil
	}
	return f.webListen
}

// seed is a number that no other start of a node has.
func seed() uint64 {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(fmt.Sprintf("no randomness: %v", err)) // crypto/rand never fails on supported systems
	}
	return binary.BigEndian.Uint64(b[:])
}
