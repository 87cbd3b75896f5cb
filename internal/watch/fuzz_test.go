package watch

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
)

// replies are answers as servers give them, and what they never should.
func replies() [][]byte {
	n := fle.Notification{State: quorum.Following, Vote: quorum.Vote{Leader: 2, PeerEpoch: 1}, Round: 1, Version: 2}
	var all [][]byte
	for _, config := range []string{text(3), text(1), "", "version=zz", strings.ReplaceAll(text(3), "zk1", "0.0.0.0"),
		text(3, "group.1=1:2:3", "weight.2=9"), "server.1=a:1:2\nserver.4611686018427387905=b:1:2\nversion=ff"} {
		n.Text = []byte(config)
		all = append(all, fle.Append(nil, n))
	}
	return append(all, []byte("garbage"), all[0][:28], all[0][:40], all[0][:60])
}

// FuzzCore: whatever servers answer, the core stays in bounds: one link a server, none to a server that would
// dial back, no more than there may be.
func FuzzCore(f *testing.F) {
	for _, a := range replies() {
		f.Add(a, replies()[0])
		f.Add(replies()[0], a)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		b := newTable(t, nil, "zk1:3888", "lb:1", "2=pin:3888")
		for range 2 {
			for _, frame := range [][]byte{first, second} {
				n, err := fle.Decode(frame)
				if err != nil || !n.State.Valid() {
					continue
				}
				for id, w := range b.links {
					b.now = b.now.Add(time.Millisecond)
					b.take(b.core.step(report{link: id, at: b.now, address: w.addresses0(), answer: &n}))
				}
			}
		}
		owner := map[quorum.SID]bool{}
		for _, w := range b.links {
			if w.sid >= testSID || w.sid != quorum.NoSID && owner[w.sid] {
				t.Errorf("server %d is asked twice, or never should be: %v", w.sid, b.links)
			}
			owner[w.sid] = true
			if len(w.addresses) > maxAddresses {
				t.Errorf("%d addresses", len(w.addresses))
			}
			for _, addr := range w.addresses {
				if _, err := ParseTarget(addr); err != nil {
					t.Errorf("dials %q: %v", addr, err)
				}
			}
		}
		if len(b.links) > maxServers+2 || len(b.status.Servers) > maxServers {
			t.Errorf("%d links", len(b.links))
		}
	})
}

func (w want) addresses0() string {
	if len(w.addresses) == 0 {
		return ""
	}
	return w.addresses[0]
}

// scripted is a connection whose other end says one part of a script after each question.
type scripted struct {
	net.Conn
	script  [][]byte
	written bytes.Buffer
}

func (s *scripted) Read(b []byte) (int, error) {
	switch {
	case len(s.script) == 0:
		return 0, io.EOF
	case len(s.script[0]) == 0:
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, s.script[0])
	s.script[0] = s.script[0][n:]
	return n, nil
}

func (s *scripted) Write(b []byte) (int, error) {
	if s.written.Len() > 0 && len(s.script) > 0 { // the preamble is not a question
		rest := s.script[0]
		if s.script = s.script[1:]; len(s.script) > 0 {
			s.script[0] = append(rest, s.script[0]...)
		}
	}
	return s.written.Write(b)
}

func (s *scripted) SetDeadline(time.Time) error { return nil }
func (s *scripted) RemoteAddr() net.Addr        { return &net.TCPAddr{} }

// FuzzTalk: whatever bytes come, and however they are cut, a connection ends with a reason, hands over no more
// than there were questions, and nothing but the preamble and the question was ever written to it.
func FuzzTalk(f *testing.F) {
	for _, a := range replies() {
		frame := qcm.AppendFrame(nil, a)
		f.Add(frame, frame, frame, frame)
		f.Add(frame[:3], frame[3:], append(frame, frame...), frame)
	}
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), []byte{}, []byte{}, []byte{})
	hello, err := preamble(testSID)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b, c, d []byte) {
		reports := make(chan report, 16)
		opt := Options{Interval: 1, AnswerTimeout: time.Second, ConnectTimeout: time.Second}
		l := &link{opt: &opt, hello: hello, reports: reports, rand: rand.New(rand.NewPCG(1, 2)),
			events: event.NewEmitter(testSID, time.Now, event.FanOut{})}
		conn := &scripted{script: [][]byte{{}, bytes.Clone(a), bytes.Clone(b), bytes.Clone(c), bytes.Clone(d)}}
		talk := &talk{link: l, line: line{conn}, conn: conn, in: bufio.NewReader(conn), addr: "zk1:3888"}
		failed := talk.run(t.Context())
		if failed == nil || failed.reason == "" || failed.err == nil {
			t.Fatalf("%+v", failed)
		}
		rest, ok := bytes.CutPrefix(conn.written.Bytes(), hello)
		if !ok || len(rest)%len(question) != 0 || len(bytes.ReplaceAll(rest, []byte(question), nil)) != 0 {
			t.Errorf("written: %q", conn.written.Bytes())
		}
		if asked := len(rest) / len(question); len(reports) > asked {
			t.Errorf("%d reports of %d questions", len(reports), asked)
		}
	})
}
