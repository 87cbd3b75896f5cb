package logging

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"electnode/internal/quorum"
	"electnode/internal/watch"
)

// Watched writes a line for what a person wants to know of a foreign ensemble when it happens: who leads, that
// nobody does or two do, that the watcher is blind, and each server's coming, going and state. One goroutine, the
// watcher's, calls its methods; they wait when the logger does.
type Watched struct {
	log      *slog.Logger
	last     watch.Status
	blind    bool            // was told
	failures map[any]reasons // of who is down now, by sid or, while that is unknown, by address
}

// reasons are those that were told since a server was up.
type reasons map[watch.Reason]bool

// NewWatched makes a writer of lines that knows nothing yet.
func NewWatched(log *slog.Logger) *Watched {
	return &Watched{log: log, failures: map[any]reasons{}}
}

// Probed writes a line for the first failure of a server, and for each other reason until it answers: not for
// every dial. It is meant for watch.Options.OnProbe.
func (w *Watched) Probed(p watch.Probe) {
	var key any = p.Server
	who := peer(p.Server)
	if p.Server == quorum.NoSID {
		key, who = p.Address, slog.String("target", p.Address)
	}
	if p.Failure == "" {
		delete(w.failures, key)
		return
	}
	told := w.failures[key]
	if told[p.Failure] {
		return
	}
	what := "server still down"
	if told == nil {
		told, what = reasons{}, "server down"
		w.failures[key] = told
	}
	told[p.Failure] = true
	w.log.Warn(what, who, "address", p.Address, reason(string(p.Failure)), detail(p.Detail))
}

// Changed writes what differs from the status before. It is meant for watch.Options.OnChange.
func (w *Watched) Changed(s watch.Status) {
	if s.View != nil && (w.last.View == nil || !s.View.Equal(w.last.View)) {
		w.log.Info("configuration seen", "version", s.View.Version().String(), "voters", s.View.Voters(),
			"observers", append([]quorum.SID{}, s.View.Observers()...))
	}
	for _, o := range s.Servers {
		was, _ := w.last.Server(o.SID)
		w.server(was, o)
	}
	w.leadership(s)
	w.sight(s)
	maps.DeleteFunc(w.failures, func(key any, _ reasons) bool {
		sid, known := key.(quorum.SID)
		_, still := s.Server(sid)
		return known && !still
	})
	w.last = s
}

// server tells what a server says that it did not say before.
func (w *Watched) server(was, is watch.Server) {
	if !is.Up {
		return // Probed tells why
	}
	said := []any{peer(is.SID), slog.String("state", is.State.String()), vote("vote", is.Vote), round(is.Round)}
	switch {
	case !was.Up:
		w.log.Info("server up", append(said, slog.Bool("electnode", is.Electnode))...)
	case is.State != was.State:
		w.log.Info("server state", append(said, slog.String("from", was.State.String()))...)
	}
	if is.Stale && !was.Stale {
		w.log.Debug("server names a leader that does not say LEADING", said...)
	}
	if is.ConfigProblem != "" && is.ConfigProblem != was.ConfigProblem {
		w.log.Warn("configuration of a server", peer(is.SID), detail(is.ConfigProblem))
	}
}

// leadership tells who leads, that nobody does, and that several say so.
func (w *Watched) leadership(s watch.Status) {
	last := w.last
	same := last.HasLeader && last.Leader == s.Leader
	switch {
	case s.HasLeader && !same:
		attrs := []any{leader(s.Leader), epoch(s.Epoch)}
		if last.Leaderless {
			attrs = append(attrs, slog.Float64("leaderless_seconds", s.Since.Sub(last.LeaderlessSince).Seconds()))
		}
		w.log.Info("leader seen", attrs...)
	case s.HasLeader && s.Epoch != last.Epoch:
		w.log.Info("epoch of the leader", leader(s.Leader), epoch(s.Epoch))
	case !s.HasLeader && last.HasLeader:
		w.log.Warn("leader lost", leader(last.Leader), epoch(last.Epoch), detail(whyLost(s, last.Leader)))
	case s.Leaderless && !last.Leaderless:
		w.log.Warn("no leader")
	}
	if len(s.Conflicting) > 1 && !slices.Equal(s.Conflicting, last.Conflicting) {
		w.log.Warn("several servers say LEADING", "servers", s.Conflicting)
	}
	if len(s.Conflicting) < 2 && len(last.Conflicting) > 1 {
		w.log.Info("one leader at most again")
	}
}

// whyLost says what became of the last leader.
func whyLost(s watch.Status, sid quorum.SID) string {
	switch o, known := s.Server(sid); {
	case !known:
		return "it is in no configuration any more"
	case !o.Up:
		return "out of sight: " + o.FailureDetail
	case o.State != quorum.Leading:
		return "it says " + o.State.String()
	default:
		return "no quorum names it in its round any more"
	}
}

// sight tells that the watcher cannot judge, once every voter was tried, and that it can again.
func (w *Watched) sight(s watch.Status) {
	switch {
	case w.blind && !s.Blind && s.View != nil:
		w.blind = false
		w.log.Info("in sight again")
	case !w.blind && s.Blind && tried(s):
		w.blind = true
		w.log.Warn("blind: a quorum of the voters is out of sight")
	}
}

// tried reports whether every voter was asked with or without success.
func tried(s watch.Status) bool {
	return s.View != nil && !slices.ContainsFunc(s.View.Voters(), func(sid quorum.SID) bool {
		o, known := s.Server(sid)
		return known && o.Since.IsZero()
	})
}

// Quiet makes a logger that writes every line of log's at level debug.
func Quiet(log *slog.Logger) *slog.Logger { return slog.New(quiet{log.Handler()}) }

// quiet is the handler of Quiet.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (q quiet) Enabled(ctx context.Context, _ slog.Level) bool {
	return q.Handler.Enabled(ctx, slog.LevelDebug)
}

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return q.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
