package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"electnode/internal/qcm"
	"electnode/internal/quorum"
)

const (
	// wordsEvery is the time between two rounds of questions to the client ports.
	wordsEvery = 5 * time.Second
	// wordLimit bounds one question, connection and answer.
	wordLimit = time.Second
	// maxWordAnswer is how much of an answer is read, in bytes; mntr gives some 20 KiB.
	maxWordAnswer = 64 << 10
)

// word is one of the two that a client port is asked with. Both only read.
type word string

const (
	wordServer  word = "srvr"
	wordMonitor word = "mntr"
)

// ClientInfo is what a server says on its client port. It is not changed once it is in a Status.
type ClientInfo struct {
	Address         string    // host:port, where it was asked
	At              time.Time // when
	Version         string    // as it writes it
	Mode            string    // leader, follower, observer or standalone; empty while it does not serve
	Zxid            quorum.Zxid
	ZxidKnown       bool
	Followers       int           // of a leader, observers included; -1: unknown
	SyncedFollowers int           // of a leader; -1: unknown
	ElectionTime    time.Duration // mean of its elections since its start; -1: unknown
	Problem         string        // why something is missing; empty: nothing is
}

// asker asks client ports, one after the other, for as long as its context lasts. One goroutine, run, owns it.
type asker struct {
	network qcm.Network
	servers func() []Server // a copy
	reports chan<- informed
}

// informed is what an asker tells the owner of the core.
type informed struct {
	sid  quorum.SID
	at   time.Time
	info *ClientInfo
}

// run asks all servers in sight, rests, and begins again.
func (a *asker) run(ctx context.Context) {
	rest := time.NewTimer(wordLimit) // the election ports come first
	defer rest.Stop()
	for {
		select {
		case <-rest.C:
		case <-ctx.Done():
			return
		}
		for _, s := range a.servers() {
			if s.ClientAddress == "" || !s.Up {
				continue
			}
			info := a.ask(ctx, s.ClientAddress)
			select {
			case a.reports <- informed{s.SID, info.At, info}:
			case <-ctx.Done():
				return
			}
		}
		rest.Reset(wordsEvery)
	}
}

// ask asks one server with both words.
func (a *asker) ask(ctx context.Context, addr string) *ClientInfo {
	info := &ClientInfo{Address: addr, Followers: -1, SyncedFollowers: -1, ElectionTime: -1}
	answer, err := a.say(ctx, addr, wordServer)
	info.readServer(answer)
	if err == nil {
		answer, err = a.say(ctx, addr, wordMonitor)
		info.readMonitor(answer)
	}
	info.At = time.Now()
	if err != nil {
		info.Problem = err.Error()
	}
	return info
}

// say sends one word and reads what comes. An answer that is a refusal is an error.
func (a *asker) say(ctx context.Context, addr string, w word) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, wordLimit)
	defer cancel()
	conn, err := a.connect(ctx, addr)
	if err != nil {
		return "", fmt.Errorf("%s: %w", w, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := io.WriteString(conn, string(w)); err != nil {
		return "", fmt.Errorf("%s: %w", w, err)
	}
	raw, err := io.ReadAll(io.LimitReader(conn, maxWordAnswer))
	answer := string(raw)
	switch {
	case ctx.Err() != nil && len(raw) == 0:
		return "", fmt.Errorf("%s: no answer within %s", w, wordLimit)
	case strings.Contains(answer, "not in the whitelist"):
		return "", fmt.Errorf("%s: it is not in the server's 4lw.commands.whitelist", w)
	case strings.Contains(answer, "not currently serving requests"):
		return "", fmt.Errorf("%s: the server is not serving requests", w)
	case len(raw) == 0 && err == nil:
		return "", fmt.Errorf("%s: it closed the connection: is this a client port, and without TLS?", w)
	case len(raw) == 0:
		return "", fmt.Errorf("%s: %w", w, err)
	}
	return answer, nil
}

// connect dials what a name leads to first.
func (a *asker) connect(ctx context.Context, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(host) == nil {
		ips, err := a.network.Lookup(ctx, host)
		if err != nil {
			return nil, err
		}
		if len(ips) == 0 || unspecified(ips[0]) {
			return nil, errors.New(host + " leads to no address to dial")
		}
		host = ips[0]
	}
	return a.network.Dial(ctx, net.JoinHostPort(host, port))
}

// readServer takes in an answer to srvr.
func (i *ClientInfo) readServer(answer string) {
	for line := range strings.Lines(answer) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Zookeeper version":
			i.Version = clip(value)
		case "Mode":
			i.Mode = clip(value)
		case "Zxid":
			z, err := strconv.ParseUint(strings.TrimPrefix(value, "0x"), 16, 64)
			i.Zxid, i.ZxidKnown = quorum.Zxid(z), err == nil
		}
	}
}

// readMonitor takes in an answer to mntr.
func (i *ClientInfo) readMonitor(answer string) {
	for line := range strings.Lines(answer) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "\t")
		number, err := strconv.ParseFloat(value, 64)
		if err != nil || !(number >= 0 && number <= 1<<40) {
			continue
		}
		switch key {
		case "zk_learners", "zk_followers":
			i.Followers = int(number)
		case "zk_synced_followers":
			i.SyncedFollowers = int(number)
		case "zk_avg_election_time":
			i.ElectionTime = time.Duration(number * float64(time.Millisecond))
		}
	}
	if i.Mode != "leader" { // others say 0 for what they do not know
		i.Followers, i.SyncedFollowers = -1, -1
	}
}

// clip bounds a text from outside.
func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 200)], "") }

// clientAddress is where m, which is reached at the addresses given, has its client port; empty: nobody says.
func clientAddress(m quorum.Member, reached []string) string {
	host, port, err := net.SplitHostPort(m.Client)
	if err != nil {
		return ""
	}
	if host == "" || unspecified(host) {
		if len(reached) == 0 {
			return ""
		}
		host, _, _ = net.SplitHostPort(reached[0]) // every address that is dialled was split before
	}
	t, err := ParseTarget(net.JoinHostPort(host, port))
	if err != nil {
		return ""
	}
	return t.Address
}
