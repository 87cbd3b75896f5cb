package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"time"

	"electnode/internal/config"
	"electnode/internal/durable"
	"electnode/internal/event"
	"electnode/internal/logging"
	"electnode/internal/metrics"
	"electnode/internal/node"
	"electnode/internal/qcm"
	"electnode/internal/web"
	"electnode/internal/zab"

	"github.com/spf13/cobra"
)

// flushTime is how long the end of a command may wait for its last log lines.
const flushTime = 500 * time.Millisecond

type runFlags struct {
	*common
	webListen []string
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
	cmd.Flags().StringSliceVar(&f.webListen, "web.listen-address", []string{":7000"},
		"where to answer HTTP, several times if wanted; off for nowhere")
	return cmd
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
	store, epochs, err := durable.Open(durable.OS{}, cfg.DataDir, cfg.DataLogDir)
	if err != nil {
		return usage(err)
	}
	lines := logging.NewSink(log)
	b := buildInfo()
	series := metrics.New(metrics.Options{Self: cfg.MyID, View: cfg.View, Runtime: true,
		Build: metrics.Build{Version: b.Version, Revision: b.Commit, GoVersion: b.GoVersion}})
	in := instance{runFlags: f, log: log, cfg: cfg, series: series.Handler(),
		events: event.NewEmitter(cfg.MyID, time.Now, event.FanOut{series, lines})}
	err = in.serve(ctx, node.Parts{Network: network(cfg), Store: store,
		Epochs: zab.Epochs{Accepted: epochs.Accepted, Current: epochs.Current}, Events: in.events,
		MessageSeed: seed()})
	lines.Close(flushTime)
	return errors.Join(err, failed(store.Close()))
}

// instance is one run of the command: its settings and what shows its events.
type instance struct {
	runFlags
	log    *slog.Logger
	cfg    *config.Config
	series http.Handler
	events *event.Emitter
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
	for _, c := range closers {
		err = errors.Join(err, c.Close())
	}
	return failed(err)
}

type closer interface{ Close() error }

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
		s, err := web.Listen(addrs, web.Handler(n, in.series))
		if err != nil {
			return fail(err)
		}
		closers = append(closers, s)
		in.log.Info("HTTP", "addresses", s.Addrs())
	}
	if in.cfg.ClientAddress != "" {
		w, err := web.ListenWords(web.WordOptions{Addr: in.cfg.ClientAddress, Whitelist: in.cfg.Commands, Source: n,
			Config: web.ConfLines(in.cfg), DataDir: in.cfg.DataDir, Version: version, Events: in.events})
		if err != nil {
			return fail(err)
		}
		closers = append(closers, w)
	}
	return closers, nil
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
