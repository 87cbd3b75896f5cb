package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/crowd"
	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/recorder"
)

// friend is a node with a history of its own, at an address.
type friend struct {
	history *recorder.Recorder
	serving
	sid quorum.SID
}

func newFriend(t *testing.T, sid quorum.SID, token string) *friend {
	t.Helper()
	p := &friend{history: recorder.New(recorder.Options{Token: token}), sid: sid}
	s := follower(t)
	s.SID = sid
	p.serving = serve(t, Handler(Site{Node: still{status: s}, History: p.history}))
	t.Cleanup(func() { p.history.Close(time.Minute) })
	return p
}

// emit records an event that carries a number.
func (p *friend) emit(n int) {
	p.history.Record(event.Stamped{Time: fixedTime(), Node: p.sid, Event: event.HeartbeatMissed{Peer: quorum.SID(n)}})
}

// drain reads so many events, as "sid:number".
func drain(t *testing.T, e Events, from uint64, n int) (got map[string]int, next uint64) {
	t.Helper()
	got = map[string]int{}
	limit := time.After(20 * time.Second)
	for n > 0 {
		b := e.Read(from, 1<<20)
		from = b.Next
		for _, line := range b.Lines {
			s, err := event.ParseJSON(line)
			if err != nil {
				t.Fatal(err)
			}
			got[s.Node.String()+":"+s.Event.(event.HeartbeatMissed).Peer.String()]++
			n--
		}
		if len(b.Lines) > 0 {
			continue
		}
		select {
		case <-b.Wait:
		case <-limit:
			t.Fatalf("%d events are missing: %v", n, got)
		}
	}
	return got, from
}

// TestPeers merges the events of three nodes, each once, whoever goes away for a while.
func TestPeers(t *testing.T) {
	own := recorder.NewStream(recorder.Options{Token: "own"})
	defer own.Close(time.Minute)
	self := newFriend(t, 1, "self") // the same zoo.cfg is on every node: its own address is among them
	two, three := newFriend(t, 2, "two"), newFriend(t, 3, "three")
	p := NewPeers(1, own, []string{self.url, two.url, three.url})
	two.emit(1)
	self.emit(1)
	own.Record(event.Stamped{Time: fixedTime(), Node: 1, Event: event.HeartbeatMissed{Peer: 1}})
	if b := p.Read(1, 1); len(b.Lines) != 0 {
		t.Error("asked although nobody looks")
	}
	leave := p.Watch()
	three.emit(1)
	got, next := drain(t, p, 1, 3)
	if got["1:1"] != 1 || got["2:1"] != 1 || got["3:1"] != 1 {
		t.Errorf("%v", got)
	}
	leave()
	p.rest() // as after ten seconds
	two.emit(2)
	three.emit(2)
	leave = p.Watch()
	defer leave()
	if got, _ = drain(t, p, next, 2); got["2:2"] != 1 || got["3:2"] != 1 {
		t.Errorf("after a while: %v", got)
	}
	for i, want := range []error{errSelf, nil, nil} {
		s, err := p.Members()[i].Status(t.Context())
		if !errors.Is(err, want) || err == nil && s.SID != quorum.SID(i+1) {
			t.Errorf("%d: %v, %v", i, s.SID, err)
		}
	}
	e := &Ensemble{Kind: KindNode, Events: p, Members: append([]Member{Local{Node: still{status: follower(t)}, History: self.history}}, p.Members()...)}
	var answer ensembleAnswer
	two.end()
	if _, body := get(t, e.Handler(), "/api/v1/ensemble"); json.Unmarshal([]byte(body), &answer) != nil || len(answer.Members) != 3 ||
		answer.Members[0].Status == nil || answer.Members[1].Error == "" || answer.Members[2].Status.SID != 3 {
		t.Errorf("%+v", answer)
	}
	for i, m := range answer.Members { // server 2 had answered before
		if m.SID == nil || *m.SID != quorum.SID(i+1) {
			t.Errorf("member %d: %v", i, m.SID)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	p.Watch()() // too late, and harmless
}

// TestPeersRest: nobody is asked ten seconds after the last page was closed.
func TestPeersRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := recorder.NewStream(recorder.Options{})
		p := NewPeers(1, own, nil)
		first, second := p.Watch(), p.Watch()
		asks := func() bool {
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.stop != nil
		}
		first()
		first() // again is nothing
		time.Sleep(time.Hour)
		if !asks() {
			t.Error("not asked while somebody looks")
		}
		second()
		time.Sleep(peerLinger - time.Second)
		if !asks() {
			t.Error("not asked any more at once")
		}
		time.Sleep(2 * time.Second)
		if asks() {
			t.Error("asked while nobody looks")
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		own.Close(time.Minute)
	})
}

// TestPeersEnd: the node's own last events are there when Close returns.
func TestPeersEnd(t *testing.T) {
	for range 100 {
		own := newMerged("own", 1<<20)
		p := NewPeers(1, own, nil)
		leave := p.Watch()
		own.add([]byte("x"))
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		leave()
		if n := len(p.Read(1, 1<<20).Lines); n != 1 {
			t.Fatalf("%d lines", n)
		}
	}
}

// TestRemoteAddress has no password, nor has an error.
func TestRemoteAddress(t *testing.T) {
	p := NewPeers(1, &recordedLines{}, []string{"http://me:secret@127.0.0.1:1/x"})
	m := p.Members()[0]
	_, err := m.Status(t.Context())
	if m.(Named).SID() != nil {
		t.Error("named before it answered")
	}
	if m.Address() != "http://127.0.0.1:1/x" || err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%s: %v", m.Address(), err)
	}
}

// TestRemoteIsHostile: what a peer answers is bounded, and nothing but events goes on.
func TestRemoteIsHostile(t *testing.T) {
	gaps := map[string]uint64{"a gap": 7, "a huge gap": peerMissed}
	for name, body := range map[string]string{
		"no JSON": "data: nothing\n\n", "no sid": "data: {}\n\n", "no gap": "event: gap\ndata: {\"sid\":2}\n\n",
		"a gap": "event: gap\ndata: {\"missed\":7,\"sid\":2}\n\n", "a huge gap": "event: gap\ndata: {\"missed\":18446744073709551615}\n\n",
		"a restart": "event: gap\ndata: {\"missed\":null,\"reason\":\"restart\"}\n\n", "less than none": "event: gap\ndata: {\"missed\":-1}\n\n",
		"its own": "data: {\"sid\":1}\n\n", "endless": "data: " + strings.Repeat("x", peerLine+1),
	} {
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })) // the client went
		r := NewPeers(1, &recordedLines{}, []string{srv.url}).remotes[0]
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		r.told = true
		missed := uint64(0)
		err := r.stream(ctx, func(line []byte) { t.Errorf("%s: %.40s", name, line) }, func(n uint64) { missed += n })
		if missed != gaps[name] {
			t.Errorf("%s: %d events are missed", name, missed)
		}
		if (err != nil) != (name == "endless") {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		r.client.CloseIdleConnections()
	}
}

// numbered is the line of an event of a server that carries a number.
func numbered(sid quorum.SID, n int) []byte {
	return event.AppendJSON(nil, event.Stamped{Time: fixedTime(), Node: sid, Event: event.HeartbeatMissed{Peer: quorum.SID(n)}}, fixedTime())
}

// some reads on until there is a line.
func some(t *testing.T, e Events, from uint64) recorder.Batch {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		b := e.Read(from, 1<<20)
		if len(b.Lines) > 0 {
			return b
		}
		from = b.Next
		select {
		case <-b.Wait:
		case <-limit:
			t.Fatalf("nothing from %d on", from)
		}
	}
}

// TestPeersMissed: where events were gone before anybody fetched them is told, of the own ones as of a peer's; who comes
// anew begins behind that.
func TestPeersMissed(t *testing.T) {
	for _, own := range []bool{true, false} {
		source := newMerged("T", 32<<10)
		srv := serve(t, EventStream(source))
		p := NewPeers(1, source, nil)
		if !own {
			p = NewPeers(1, newMerged("T", 1), []string{srv.url})
		}
		for n := range 4 {
			source.add(numbered(2, n))
		}
		p.Watch()()
		_, next := drain(t, p, 1, 4)
		p.rest() // as after ten seconds
		for n := range 1000 {
			source.add(numbered(2, n))
		}
		missed := source.Read(5, 1).Missed
		leave := p.Watch()
		b := some(t, p, next)
		if missed == 0 || b.Missed != missed || b.First != 5+missed {
			t.Errorf("own: %v: %d missed, first %d, want %d", own, b.Missed, b.First, missed)
		}
		for b.Next < 1005 {
			b = some(t, p, b.Next)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel() // the stream ends behind what there is
		for from, gap := range map[string]string{"?last_event_id=T-4": fmt.Sprintf(`{"missed":%d,"reason":"slow"}`, missed), "?from=kept": ""} {
			w := httptest.NewRecorder()
			streamHandler(p, nil, crowd.Bounds{All: 1, PerHost: 1}).ServeHTTP(w, httptest.NewRequestWithContext(ended, http.MethodGet, "/"+from, nil))
			body := w.Body.String()
			if (gap != "") != strings.Contains(body, "event: gap") || !strings.Contains(body, gap) || strings.Contains(body, "id: T-1\n") || !strings.Contains(body, "id: T-1004\n") {
				t.Errorf("own: %v: %s: %.300q", own, from, body)
			}
		}
		leave()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		srv.end()
	}
}

// TestPeersBegin: what a node had lost before anybody looked for the first time is not missed, nor what its own address
// says.
func TestPeersBegin(t *testing.T) {
	source := newMerged("T", 32<<10)
	srv := serve(t, EventStream(source))
	for n := range 1000 {
		source.add(numbered(1, n))
	}
	p := NewPeers(1, source, []string{srv.url})
	p.remotes[0].last = "T-1" // it listened when there was one event, and handed none on
	leave := p.Watch()
	if b := some(t, p, 1); b.Missed != 0 || b.First != 1 {
		t.Errorf("%d missed, first %d", b.Missed, b.First)
	}
	leave()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	srv.end()
}

// TestMerged keeps the last lines within its bound and says how many are gone.
func TestMerged(t *testing.T) {
	m := newMerged("tok", 10*(lineOverhead+1))
	var group sync.WaitGroup
	for range 4 {
		// Ends with its lines.
		group.Go(func() {
			for range 25 {
				m.add([]byte("x"))
			}
		})
	}
	group.Wait()
	b := m.Read(1, 1<<20)
	if len(b.Lines) != 10 || b.First != 91 || b.Missed != 90 || b.Next != 101 {
		t.Errorf("%+v", b)
	}
	if b = m.Read(b.Next, 1); b.Wait == nil || len(b.Lines) != 0 {
		t.Errorf("%+v", b)
	}
	if b = m.Read(95, 3); len(b.Lines) != 3 || b.Next != 98 || b.Missed != 0 {
		t.Errorf("%+v", b)
	}
}
