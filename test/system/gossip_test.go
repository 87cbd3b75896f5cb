package system

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/test/proc"
)

// voice is a connection to an election port in somebody's name.
type voice struct {
	net.Conn
	t  testing.TB
	in *bufio.Reader
}

// speak connects to a server as sid, which must be larger than the server's for the connection to stay.
func speak(t testing.TB, s *server, sid int64) *voice {
	t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.election))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // it may be closed already
	if _, err := c.Write(preamble(sid, "127.0.0.1:1")); err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &voice{Conn: c, t: t, in: bufio.NewReader(c)}
}

// note is a notification of a LOOKING server that votes for nobody, as watchers and observers do, with a
// configuration text.
func note(text string) []byte {
	return fle.Append(nil, fle.Notification{State: quorum.Looking, Round: 1, Version: fle.CurrentVersion,
		Vote: quorum.Vote{Leader: quorum.NoSID, Zxid: quorum.MinZxid, PeerEpoch: quorum.MinEpoch}, Text: []byte(text)})
}

func (v *voice) say(message []byte) {
	v.t.Helper()
	if _, err := v.Write(qcm.AppendFrame(nil, message)); err != nil {
		v.t.Fatal(err)
	}
}

// answer reads notifications until one is in the given state.
func (v *voice) answer(state quorum.State) fle.Notification {
	v.t.Helper()
	for {
		frame, err := qcm.ReadFrame(v.in)
		if err != nil {
			v.t.Fatalf("no answer: %v", err)
		}
		n, err := fle.Decode(frame)
		if err != nil {
			v.t.Fatal(err)
		}
		if n.State == state {
			return n
		}
	}
}

// longestOfStranger is how long a frame of a stranger may be, see docs/limits.md.
const longestOfStranger = 32 << 10

// asks tells the text in a stranger's name and wants an answer in the given state; one that is longer than a stranger's may be ends
// the connection, and the next one is another. It returns that of now.
func asks(stranger *voice, s *server, text string, state quorum.State) *voice {
	stranger.t.Helper()
	message := note(text)
	if len(message) <= longestOfStranger {
		stranger.say(message)
		stranger.answer(state)
		return stranger
	}
	_, _ = stranger.Write(qcm.AppendFrame(nil, message)) // it may be closed before all of it was written
	if _, err := io.Copy(io.Discard, stranger.in); errors.Is(err, os.ErrDeadlineExceeded) {
		stranger.t.Errorf("%d bytes of a stranger did not end its connection", len(message))
	}
	_ = stranger.Close() // it is closed already
	return speak(stranger.t, s, 99)
}

// deadlyTexts are configuration texts that end the receiver thread of a Java server, and some that only
// look so. Rule: section 13.1 of the election port's specification.
func deadlyTexts() []string {
	const three = "server.1=127.0.0.1:1:2:participant\nserver.2=127.0.0.1:3:4:participant\nserver.3=127.0.0.1:5:6:participant\n"
	return []string{
		"server.x=127.0.0.1:1:2:participant\nversion=1", three + "group.x=1:2\nversion=1", three + "version=zz",
		three + "version=-", "server.1=127.0.0.1:99999:3888:participant\nversion=1", "server.1=127.0.0.1:2888:65536",
		three + "version=\\u12", "\\u=1", "server.1=;", "server.1=", "server.=127.0.0.1:1:2",
		three + "group.1=1:9\nweight.1=1\nversion=1", three + "group.1=1:2:3\nweight.1=-1\nversion=1",
		"server.1=127.0.0.1:1:2:observer\nserver.2=127.0.0.1:3:4:observer\nversion=1",
		"server.1=127.0.0.1:1:2:participant\nserver.2=127.0.0.1:3:4:observer\nversion=1",
		"", "version=5", "nonsense", "electnode=1", three + "version=ffffffffffffffffff", "\xff\xfe\xfd",
		"server.1=127.0.0.1:1:1:participant\nversion=1", "server.1=[::1:2:3\nversion=1",
		strings.Repeat("server.1=127.0.0.1:1:2|", 10_000), strings.Repeat("\n", 100_000),
		strings.Repeat("#", 500_000), "server.9223372036854775808=127.0.0.1:1:2",
	}
}

// TestDeadlyTexts sends settled servers what kills a Java server's receiver thread, in a stranger's name
// and in a member's. Each is answered as if nothing were wrong, but for those that are too long for a stranger, and nothing changes.
func TestDeadlyTexts(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, besieged+"reconfigEnabled=true\n")
	leader, epoch := e.start()
	asked := 0
	for _, s := range e.servers {
		stranger := speak(t, s, 99)
		for _, text := range deadlyTexts() {
			stranger = asks(stranger, s, text, stateOf(s, leader))
			asked++
		}
	}
	one := e.server(1)
	for _, name := range []int64{2, 3} {
		member := speak(t, one, name)
		for _, text := range deadlyTexts() {
			member.say(note(text))
			if n := member.answer(stateOf(one, leader)); n.Vote.Leader != quorum.SID(leader.SID) {
				t.Errorf("server 1 answers %+v to %.60q", n, text)
			}
			asked++
		}
		_ = member.Close() // the real member may dial again
	}
	e.undisturbed(leader, epoch)
	// The member's real link gave way to the impostor's. It is there again after its next election.
	back := e.server(5 - leader.SID)
	if back == one {
		back = e.server(3)
	}
	if back != leader {
		back.Kill()
		back.Start()
	}
	e.established()
	t.Logf("%d texts, each answered", asked)
}

func stateOf(s, leader *server) quorum.State {
	if s == leader {
		return quorum.Leading
	}
	return quorum.Following
}

// TestLookingAmongTexts sends the same to a server that is LOOKING, together with configurations of a
// higher version, from a stranger and from a member. It adopts none of them, begins no new election, and
// elects as soon as another one is there.
func TestLookingAmongTexts(t *testing.T) {
	t.Parallel()
	for _, reconfig := range []bool{false, true} {
		e := newEnsemble(t, 3, fmt.Sprintf("%sreconfigEnabled=%t\n", besieged, reconfig))
		one, two := e.server(1), e.server(2)
		one.StartAndWait()
		higher := "server.1=127.0.0.1:1:2:participant\nserver.2=127.0.0.1:3:4:participant\n" +
			"server.7=127.0.0.1:5:6:participant\nversion=700000000"
		stranger := speak(t, one, 99)
		for _, text := range append(deadlyTexts(), higher, higher) {
			stranger = asks(stranger, one, text, quorum.Looking)
		}
		member := speak(t, one, 3)
		texts := deadlyTexts()
		if !reconfig {
			texts = append(texts, higher) // with reconfigEnabled a member would be believed
		}
		for i, text := range texts {
			member.say(note(text))
			proc.Eventually(t, patience, "the text is looked at", func() error {
				if got := heard(one, 3); got <= i {
					return fmt.Errorf("%d notifications of server 3 in the log, %d sent", got, i+1)
				}
				return nil
			})
		}
		if st, err := one.Status(); err != nil || st.ConfigVersion != "0x0" || st.State != "LOOKING" {
			t.Errorf("reconfigEnabled=%t: %+v, %v", reconfig, st, err)
		}
		if n := len(one.Lines("election started")); n != 1 {
			t.Errorf("reconfigEnabled=%t: %d elections", reconfig, n)
		}
		for _, l := range one.Lines("configuration of another version") {
			if l["adopted"] != false {
				t.Errorf("reconfigEnabled=%t: %v", reconfig, l)
			}
		}
		_ = member.Close() // the real one may come
		two.Start()
		e.established(one, two)
	}
}

func heard(s *server, sid float64) (n int) {
	for _, l := range s.Lines("notification received") {
		if l["peer"] == sid {
			n++
		}
	}
	return n
}

// TestPeerThatDoesNotRead asks on and on and reads no answer. Its connection ends with a reason, the others
// go on meanwhile, and it may come back. Many observers, which do not run, make the answers long.
func TestPeerThatDoesNotRead(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, "server.%d=127.0.0.1:%d:%d:observer\n", 1000+i, 2000+2*i, 2001+2*i)
	}
	e := newEnsemble(t, 3, defaults+many.String())
	leader, epoch := e.start("--log.level", "info")
	v := speak(t, leader, 99)
	ended := make(chan error, 1)
	// Ends when the server closes the connection, at the latest by the deadline of the voice.
	go func() {
		question := qcm.AppendFrame(nil, note(""))
		for {
			if _, err := v.Write(question); err != nil {
				ended <- err
				return
			}
		}
	}()
	// While that goes on a member is restarted, and the leader is asked.
	other := e.others(leader)[0]
	other.Kill()
	begun := time.Now()
	other.Start()
	e.established()
	back := time.Since(begun)
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("the flood ended with %v", err)
	}
	proc.Eventually(t, patience, "the connection ends with its reason", func() error {
		for _, l := range leader.Lines("connection down") {
			// A stranger is read, and so answered, at a pace at which the system may give up the bytes that nobody takes
			// before there are so many that a write has to wait.
			gaveUp := l["reason"] == event.DropReset && strings.HasSuffix(l["detail"].(string), syscall.ETIMEDOUT.Error())
			if l["peer"] == 99.0 && (l["reason"] == event.DropWriteTimeout || gaveUp) {
				return nil
			}
		}
		return errors.New("no line")
	})
	again := speak(t, leader, 99)
	again.say(note(""))
	again.answer(quorum.Leading)
	if l, now, err := e.agree(e.servers); err != nil || l != leader || now != epoch {
		t.Errorf("leader %d in epoch %s, was %d in %s; %v", l.SID, now, leader.SID, epoch, err)
	}
	if n := len(leader.Lines("leader lost")); n != 0 {
		t.Errorf("the leader was lost %d times", n)
	}
	t.Logf("a member was back %s after its restart", back.Round(time.Millisecond))
}
