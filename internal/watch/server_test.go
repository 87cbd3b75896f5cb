package watch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/qcm"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
)

// fake is a server's election port as a stranger meets it: it keeps one connection of a sid, begins a new one
// with its last answer, and answers each question. What it may never hear fails the test.
type fake struct {
	t    *testing.T
	net  *memnet.Net
	sid  int
	ip   string
	done sync.WaitGroup

	mu        sync.Mutex
	ln        net.Listener
	conn      net.Conn // the one that counts
	last      []byte
	state     quorum.State
	vote      quorum.Vote
	round     quorum.Round
	config    string
	odd       string   // hang, close, garbage, chatter: how it behaves, if not well
	asked     []string // "hello" and "ask", in their order
	askedWhen []time.Time
}

func newFake(t *testing.T, n *memnet.Net, sid int, config string) *fake {
	f := &fake{t: t, net: n, sid: sid, ip: fmt.Sprintf("10.0.0.%d", sid), config: config}
	n.Name(fmt.Sprintf("zk%d", sid), 0, f.ip)
	f.listen()
	return f
}

func (f *fake) listen() {
	ln, err := f.net.Host(f.ip).Listen(f.ip + ":3888")
	if err != nil {
		f.t.Error(err)
		return
	}
	f.mu.Lock()
	f.ln, f.last = ln, nil
	f.mu.Unlock()
	// Ends when crash closes the listener.
	f.done.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			// Ends with the connection.
			f.done.Go(func() { f.serve(c) })
		}
	})
}

// crash ends the server as kill -9 does.
func (f *fake) crash() {
	f.net.Crash(f.ip)
	f.mu.Lock()
	if f.conn != nil {
		f.conn.Close()
	}
	f.mu.Unlock()
	f.done.Wait()
}

func (f *fake) is(s quorum.State, leader quorum.SID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state, f.vote, f.round = s, quorum.Vote{Leader: leader, PeerEpoch: 1}, 1
}

// says is the same with another epoch and round.
func (f *fake) says(s quorum.State, leader quorum.SID, epoch quorum.Epoch, round quorum.Round) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state, f.vote, f.round = s, quorum.Vote{Leader: leader, PeerEpoch: epoch}, round
}

func (f *fake) behave(how string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.odd = how
}

func (f *fake) noted(what string) (last []byte, odd string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, what)
	f.askedWhen = append(f.askedWhen, time.Now())
	return f.last, f.odd
}

func (f *fake) serve(c net.Conn) {
	defer c.Close()
	want, _ := preamble(testSID)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
		f.t.Errorf("server %d: preamble %q, %v", f.sid, got, err)
		return
	}
	last, odd := f.noted("hello")
	f.mu.Lock()
	if f.conn != nil {
		f.conn.Close()
	}
	f.conn = c
	f.mu.Unlock()
	if odd == "close" {
		return
	}
	if last != nil && f.write(c, last) != nil {
		return
	}
	ask := make([]byte, len(question))
	for {
		if n, err := io.ReadFull(c, ask); err != nil {
			if n > 0 {
				f.t.Errorf("server %d: a part of a question: %q", f.sid, ask[:n])
			}
			return
		}
		if string(ask) != question {
			f.t.Errorf("server %d was told something else: %q", f.sid, ask)
			return
		}
		if f.answer(c) != nil {
			return
		}
	}
}

func (f *fake) write(c net.Conn, frame []byte) error {
	_, err := c.Write(qcm.AppendFrame(nil, frame))
	return err
}

func (f *fake) answer(c net.Conn) error {
	_, odd := f.noted("ask")
	f.mu.Lock()
	f.last = fle.Append(nil, fle.Notification{State: f.state, Vote: f.vote, Round: f.round, Version: 2, Text: []byte(f.config)})
	frame := f.last
	f.mu.Unlock()
	switch odd {
	case "hang":
		return nil
	case "garbage":
		return f.write(c, []byte("garbage"))
	case "http":
		_, err := c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		return err
	case "chatter":
		for range 3 * maxUnasked {
			if err := f.write(c, frame); err != nil {
				return err
			}
		}
		return nil
	}
	return f.write(c, frame)
}

func (f *fake) count(what string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(f.asked), func(s string) bool { return s != what }))
}

// scene is a watcher of three servers, 3 leading, in a bubble.
type scene struct {
	t       *testing.T
	net     *memnet.Net
	servers []*fake
	w       *Watcher

	mu     sync.Mutex
	events []event.Stamped
	probes map[Reason]int
}

// bubble runs f on fake time, in which a watcher with the given targets (zk1 if none) watches three servers;
// everything must have ended after it.
func bubble(t *testing.T, change func(*Options), f func(*scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, net: memnet.New(), probes: map[Reason]int{}}
		s.net.Latency(time.Millisecond)
		for i := range 3 {
			s.servers = append(s.servers, newFake(t, s.net, i+1, text(3)))
		}
		s.lead(3)
		opt := Options{Targets: []Target{{quorum.NoSID, "zk1:3888"}}, SID: testSID, Network: s.net.Host("10.0.0.99"),
			Sink: event.SinkFunc(func(e event.Stamped) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.events = append(s.events, e)
			}),
			OnProbe: func(p Probe) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.probes[p.Failure]++
			}}
		if change != nil {
			change(&opt)
		}
		w, err := New(opt)
		if err != nil {
			t.Fatal(err)
		}
		s.w = w
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { // ends with ctx
			defer close(ended)
			w.Run(ctx)
		}()
		time.Sleep(time.Second)
		f(s)
		cancel()
		<-ended
		for _, server := range s.servers {
			server.crash()
		}
		synctest.Wait() // those who answered see the end
		if open := s.net.Conns(); open > 0 {
			t.Errorf("%d ends of connections left over", open)
		}
	})
}

// lead makes sid the leader of the others.
func (s *scene) lead(sid int) {
	for i, f := range s.servers {
		state := quorum.Following
		if i+1 == sid {
			state = quorum.Leading
		}
		f.is(state, quorum.SID(sid))
	}
}

func (s *scene) server(sid quorum.SID) Server {
	s.t.Helper()
	o, ok := s.w.Status().Server(sid)
	if !ok {
		s.t.Fatalf("no server %d: %+v", sid, s.w.Status())
	}
	return o
}

// failures counts the probes that ended so.
func (s *scene) failures(why Reason) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.probes[why]
}

// led checks who leads, 0 for nobody.
func (s *scene) led(by quorum.SID) {
	s.t.Helper()
	if st := s.w.Status(); st.HasLeader != (by != 0) || by != 0 && st.Leader != by {
		s.t.Errorf("want leader %d: %+v", by, st)
	}
}

func (s *scene) transcript() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, e := range s.events {
		fmt.Fprintf(&b, "%s %d %s %+v\n", e.Time.Format("05.000"), e.Node, e.Event.Name(), e.Event)
	}
	return b.String()
}
