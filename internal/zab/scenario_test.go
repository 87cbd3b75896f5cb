package zab

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"electnode/internal/quorum"
)

var rewrite = flag.Bool("rewrite", false, "write what the scenarios print into their files")

// TestScenarios plays testdata/*.txt: blocks of commands, a line of dashes, and the full transcript, each
// line with the time since the start. The commands are the methods of scenario.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(text), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// play returns text with the transcripts that its commands produce.
func play(t *testing.T, text string) string {
	s := &scenario{t: t}
	var out strings.Builder
	for i, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			out.WriteString("\n")
		}
		commands, _, has := strings.Cut(block+"\n", "----\n")
		out.WriteString(commands)
		if !has {
			continue // a comment
		}
		s.out.Reset()
		for line := range strings.Lines(commands) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				s.run(strings.Fields(line))
			}
		}
		out.WriteString("----\n" + s.out.String())
	}
	return out.String()
}

// scenario is one role at a time with its clock.
type scenario struct {
	t     *testing.T
	role  Role
	view  *quorum.View
	disk  string // "auto": every write is answered at once
	start time.Time
	now   time.Time
	next  time.Time
	out   strings.Builder
}

func (s *scenario) run(words []string) {
	s.t.Helper()
	switch words[0] {
	case "leader", "learner":
		s.begin(words[0] == "leader", fields(words[1:]))
	case "open":
		s.step(Input{Kind: Opened, Conn: connID(words[1]), Remote: "192.0.2." + words[1][1:] + ":4000"})
	case "recv":
		s.step(Input{Kind: Received, Conn: connID(words[1]), Packet: s.packet(words[2], fields(words[3:]))})
	case "progress":
		header := s.packet(words[2], fields(words[3:]))
		header.Snapshot = nil
		s.step(Input{Kind: Progress, Conn: connID(words[1]), Packet: header})
	case "join":
		s.join(words[1], fields(words[2:]))
	case "closed":
		f := fields(words[2:])
		s.step(Input{Kind: Closed, Conn: connID(words[1]), Detail: "eof", Reject: f["reject"], Reason: f["reason"]})
	case "persisted":
		s.step(Input{Kind: Persisted})
	case "write_error":
		s.step(Input{Kind: WriteErr, Detail: "disk full"})
	case "dial_error":
		s.step(Input{Kind: DialError, Detail: "refused"})
	case "resign":
		s.step(Input{Kind: Resign})
	case "port_lost":
		s.step(Input{Kind: PortLost, Detail: "too many open files"})
	case "wait":
		s.wait(words[1])
	case "status":
		s.status()
	default:
		s.t.Fatalf("unknown command %q", words[0])
	}
}

func (s *scenario) begin(leader bool, f map[string]string) {
	s.disk = f["disk"]
	s.start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	s.now = s.start
	s.view = testView(s.t, 0x100000000, sids(or(f["voters"], "1,2,3")), sids(f["observers"]))
	o := Options{
		Self: quorum.SID(number(or(f["self"], "1"))), Leader: quorum.SID(number(or(f["leader"], "2"))), View: s.view,
		Observer: f["observer"] != "", Tick: time.Second, InitLimit: 5, SyncLimit: 3,
		ConnectLimit: int(number(or(f["connect"], "0"))), ReconfigOn: f["reconfig"] != "",
		LastZxid:  quorum.Zxid(number(or(f["zxid"], "0"))),
		Epochs:    Epochs{quorum.Epoch(number(or(f["accepted"], "0"))), quorum.Epoch(number(or(f["current"], "0")))},
		DecidedAt: s.start,
	}
	if f["policy"] == "echo" {
		o.Policy = Echo
	}
	if f["seen"] != "" {
		o.LastSeen = testView(s.t, 0x200000000, sids(f["seen"]), nil)
	}
	if s.role = Role(NewLearner(o)); leader {
		s.role = NewLeader(o)
	}
	s.show(s.role.Start(s.now))
}

// join plays a learner's part of the whole hand-shake.
func (s *scenario) join(c string, f map[string]string) {
	s.run([]string{"open", c})
	first := or(f["as"], "FOLLOWERINFO")
	s.run([]string{"recv", c, first, "sid=" + f["sid"], "accepted=" + or(f["accepted"], "4")})
	s.run([]string{"recv", c, "ACKEPOCH", "current=" + or(f["current"], "4"), "zxid=" + or(f["zxid"], "0")})
	s.run([]string{"recv", c, "ACK", "zxid=0x500000000"})
}

func (s *scenario) step(in Input) { s.show(s.role.Step(s.now, in)) }

func (s *scenario) wait(d string) {
	length, err := time.ParseDuration(d)
	if err != nil {
		s.t.Fatal(err)
	}
	end := s.now.Add(length)
	for !s.next.IsZero() && !s.next.After(end) {
		if s.next.Before(s.now) {
			s.t.Fatalf("deadline %s lies in the past", s.next.Sub(s.start))
		}
		s.now = s.next
		s.show(s.role.Tick(s.now))
	}
	s.now = end
}

func (s *scenario) status() {
	st := s.role.Status()
	s.line("phase %s leader %d epoch %d durable %d/%d", st.Phase, st.Leader, st.Epoch, st.Epochs.Accepted, st.Epochs.Current)
	for _, l := range st.Learners {
		s.line("  c%d sid %d observer %v live %v zxid %s heard %s rtt %s", l.Conn, l.SID, l.Observer, l.Live, l.Zxid,
			l.LastHeard.Sub(s.start), l.RTT)
	}
}

func (s *scenario) line(format string, args ...any) {
	fmt.Fprintf(&s.out, "%-6s %s\n", s.now.Sub(s.start), fmt.Sprintf(format, args...))
}

func (s *scenario) show(o Output) {
	for _, ev := range o.Events {
		s.line("%s %+v", ev.Name(), ev)
	}
	if o.Dial {
		s.line("dial")
	}
	if o.Persist != nil {
		s.line("write %s %d", o.Persist.File, o.Persist.Epoch)
	}
	for _, send := range o.Sends {
		s.line("-> c%d %s %s %s", send.Conn, send.Packet.Type, send.Packet.Zxid, s.data(send.Packet.Data))
	}
	for _, c := range o.Close {
		s.line("close c%d", c)
	}
	if o.Established != nil {
		s.line("established %d epoch %d", o.Established.Leader, o.Established.Epoch)
	}
	if o.Done != nil {
		silent := ""
		if o.Done.Silent {
			silent = ", silent"
		}
		s.line("done %s: %s, again after %s%s", o.Done.Reason, o.Done.Detail, o.Done.RetryAfter, silent)
	}
	s.next = o.Deadline
	if o.Persist != nil && s.disk == "auto" {
		s.show(s.role.Step(s.now, Input{Kind: Persisted}))
	}
}

func (s *scenario) data(b []byte) string {
	switch {
	case b == nil:
		return "null"
	case string(b) == s.view.Text():
		return "config"
	default:
		return "[" + hex.EncodeToString(b) + "]"
	}
}

// packet makes a packet from its description; data=hex wins over what a type has by itself.
func (s *scenario) packet(name string, f map[string]string) Packet {
	p := Packet{Type: PacketType(99), Zxid: quorum.Zxid(number(or(f["zxid"], "0")))}
	for _, t := range PacketTypes() {
		if t.String() == name {
			p.Type = t
		}
	}
	switch p.Type {
	case TypeFollowerInfo, TypeObserverInfo:
		p.Zxid = quorum.MakeZxid(quorum.Epoch(number(or(f["accepted"], "0"))), 0)
		p.Data = AppendLearnerInfo(nil, LearnerInfo{quorum.SID(number(f["sid"])), protocolVersion,
			quorum.Version(number(or(f["config"], "0")))})
	case TypeAckEpoch:
		p.Data = AppendAckEpoch(nil, quorum.Epoch(number(or(f["current"], "0"))))
	case TypeLeaderInfo, TypeNewLeader:
		p.Zxid = quorum.MakeZxid(quorum.Epoch(number(f["epoch"])), 0)
	case TypeSnap:
		p.Snapshot = &SnapshotSummary{Nodes: 4, Bytes: 587, History: f["history"] != ""}
	}
	switch data := f["data"]; data {
	case "":
	case "null":
		p.Data = nil
	case "empty":
		p.Data = []byte{}
	default:
		p.Data = unhex(s.t, data)
	}
	return p
}

func fields(words []string) map[string]string {
	m := map[string]string{}
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		m[k] = or(v, "yes")
	}
	return m
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func connID(word string) ConnID { return ConnID(number(word[1:])) }

// number panics on a scenario that is written wrongly.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func sids(list string) []quorum.SID {
	var all []quorum.SID
	for _, s := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		all = append(all, quorum.SID(number(s)))
	}
	return all
}

func testView(tb testing.TB, version quorum.Version, voters, observers []quorum.SID) *quorum.View {
	tb.Helper()
	spec := quorum.Spec{Version: version}
	for _, sid := range voters {
		spec.Members = append(spec.Members, quorum.Member{SID: sid, Addresses: testAddress})
	}
	for _, sid := range observers {
		spec.Members = append(spec.Members, quorum.Member{SID: sid, Role: quorum.Observer, Addresses: testAddress})
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

var testAddress = []quorum.Address{{Host: "192.0.2.1", QuorumPort: 2888, ElectionPort: 3888}}
