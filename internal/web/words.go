package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"electnode/internal/event"
	"electnode/internal/node"
	"electnode/internal/quorum"
)

// WordOptions is what the client port needs to know.
type WordOptions struct {
	Addr      string   // host:port
	Whitelist []string // allowed words; "*" is all of them. srvr is always allowed
	Source    Source
	Config    func(*quorum.View) []string // the lines of conf, for the configuration in force
	DataDir   string                      // for dirs
	Version   string
	Events    *event.Emitter
}

// Words answers four-letter words on the client port, as ZooKeeper does for those that make sense without
// data. A client that tries to open a session is refused by closing its connection, at once.
// Rules: FourLetterCommands and the classes of org.apache.zookeeper.server.command.
type Words struct {
	opt     WordOptions
	ln      net.Listener
	started time.Time
	wg      sync.WaitGroup

	closing chan struct{} // closed by Close
	guests  wordGuests

	received, sent, minMicros, maxMicros, totalMicros atomic.Int64
}

// ListenWords binds the client port and answers until Close.
func ListenWords(opt WordOptions) (*Words, error) {
	ln, err := net.Listen("tcp", opt.Addr)
	if err != nil {
		return nil, fmt.Errorf("client port %s: %w", opt.Addr, err)
	}
	return serveWords(opt, ln), nil
}

// serveWords answers on ln until Close.
func serveWords(opt WordOptions, ln net.Listener) *Words {
	w := &Words{opt: opt, ln: ln, started: time.Now(), closing: make(chan struct{}),
		guests: wordGuests{conns: map[net.Conn]*wordConn{}}}
	// Owned by w: ends when Close closes the listener.
	w.wg.Go(w.accept)
	return w
}

// Addr is the bound address.
func (w *Words) Addr() string { return w.ln.Addr().String() }

// Close ends every connection and returns when all has ended.
func (w *Words) Close() error {
	close(w.closing)
	err := w.ln.Close()
	w.guests.closeAll()
	w.wg.Wait()
	return err
}

func (w *Words) reject(c net.Conn, reason, detail string) {
	w.opt.Events.Emit(event.HandshakeRejected{Port: event.PortClient, Remote: c.RemoteAddr().String(), Reason: reason,
		Detail: "client port: " + detail})
}

func (w *Words) serve(c net.Conn, info *wordConn) {
	defer w.guests.leave(c)
	begun := time.Now()
	var raw [4]byte
	n, err := 0, c.SetDeadline(begun.Add(wordTime))
	if err == nil {
		n, err = io.ReadFull(c, raw[:])
	}
	if err != nil {
		w.unheard(c, info, n, err)
		return
	}
	word := string(raw[:])
	if !slices.Contains(wordNames(), word) {
		w.reject(c, event.RejectProtocol, "no four-letter word; a node without data has no sessions")
		return
	}
	if !w.guests.spoke(info) {
		w.unheard(c, info, n, net.ErrClosed)
		return
	}
	info.recved.Add(1)
	w.received.Add(1)
	text := word + " is not executed because it is not in the whitelist.\n"
	if w.allowed(word) {
		ctx, cancel := context.WithTimeout(context.Background(), askTime)
		defer cancel()
		text = w.run(ctx, word)
	}
	if _, err := io.WriteString(c, text); err == nil {
		info.sent.Add(1)
		w.sent.Add(1)
		w.latency(time.Since(begun))
	}
}

// unheard says what became of a connection that did not say its word. One that closes without a byte is
// somebody who looks whether the port is open, and no event.
func (w *Words) unheard(c net.Conn, info *wordConn, n int, err error) {
	switch {
	case w.guests.gaveWay(info):
		w.reject(c, event.RejectTooMany, fmt.Sprintf("more than %d connections, or than %d of one address", wordConns, wordConnsPerHost))
	case os.IsTimeout(err):
		w.reject(c, event.RejectSilent, fmt.Sprintf("%d of 4 bytes", n))
	case n > 0:
		w.reject(c, event.RejectClosed, fmt.Sprintf("%d of 4 bytes", n))
	}
}

func (w *Words) latency(d time.Duration) {
	us := d.Microseconds()
	w.totalMicros.Add(us)
	if w.minMicros.Load() == 0 || us < w.minMicros.Load() {
		w.minMicros.Store(us)
	}
	if us > w.maxMicros.Load() {
		w.maxMicros.Store(us)
	}
}

func wordNames() []string {
	return []string{"ruok", "srvr", "stat", "mntr", "conf", "isro", "envi", "dirs", "cons", "crst", "srst", "gtmk"}
}

func (w *Words) allowed(word string) bool {
	return word == "srvr" || slices.Contains(w.opt.Whitelist, "*") || slices.Contains(w.opt.Whitelist, word)
}

const notServing = "This ZooKeeper instance is not currently serving requests\n"

// run makes the answer to an allowed word.
func (w *Words) run(ctx context.Context, word string) string {
	switch word {
	case "ruok":
		return "imok"
	case "envi":
		return w.environment()
	case "gtmk":
		return "0"
	case "dirs":
		size := dirSize(w.opt.DataDir)
		return fmt.Sprintf("datadir_size: %d\nlogdir_size: %d\n", size, size)
	case "crst":
		return "Connection stats reset.\n"
	}
	s, err := w.opt.Source.Status(ctx)
	serving := err == nil && s.Established.Epoch > 0
	switch {
	case word == "isro" && serving:
		return "rw"
	case word == "isro":
		return "null"
	case word == "conf" && err == nil: // also while there is no leader
		return strings.Join(w.opt.Config(s.View), "\n") + "\n"
	case !serving:
		return notServing
	}
	switch word {
	case "srvr":
		return w.header() + w.server(s)
	case "stat":
		return w.header() + "Clients:\n" + strings.Join(w.guests.list(), "") + "\n" + w.server(s)
	case "cons":
		return strings.Join(w.guests.list(), "") + "\n"
	case "mntr":
		return w.monitor(s)
	default: // srst
		for _, n := range []*atomic.Int64{&w.received, &w.sent, &w.minMicros, &w.maxMicros, &w.totalMicros} {
			n.Store(0)
		}
		return "Server stats reset.\n"
	}
}

func (w *Words) header() string { return "Zookeeper version: electnode " + w.opt.Version + "\n" }

// server is the part that srvr and stat share.
func (w *Words) server(s node.Status) string {
	n := w.sent.Load()
	avg := 0.0
	if n > 0 {
		avg = float64(w.totalMicros.Load()) / float64(n) / 1000
	}
	text := fmt.Sprintf("Latency min/avg/max: %d/%.4g/%d\nReceived: %d\nSent: %d\nConnections: %d\nOutstanding: 0\n"+
		"Zxid: %s\nMode: %s\nNode count: 0\n", w.minMicros.Load()/1000, avg, w.maxMicros.Load()/1000,
		w.received.Load(), n, w.guests.open(), zxid(s), roleOf(s.State))
	if s.State == quorum.Leading {
		text += "Proposal sizes last/min/max: -1/-1/-1\n"
	}
	return text
}

func (w *Words) environment() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	wd, err := os.Getwd()
	if err != nil {
		wd = "unknown"
	}
	return fmt.Sprintf("Environment:\nzookeeper.version=electnode %s\nhost.name=%s\ngo.version=%s\nos.name=%s\n"+
		"os.arch=%s\nuser.dir=%s\n", w.opt.Version, host, runtime.Version(), runtime.GOOS, runtime.GOARCH, wd)
}
