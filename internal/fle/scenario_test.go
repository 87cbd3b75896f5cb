package fle

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write what the scenarios print into their files")

// TestScenarios plays testdata/scenarios/*.txt: a command, "----", and the full transcript of what the
// election then did. Run with -rewrite to take over what it does now, and review the difference.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("%s (-want +got):\n%s", file, d)
			}
		})
	}
}

// play runs the commands of a scenario and returns it with the transcripts it produces.
func play(t *testing.T, text string) string {
	var out strings.Builder
	s := &scenario{t: t, now: time.Unix(1000, 0)}
	for i, block := range strings.Split(strings.TrimRight(text, "\n"), "\n\n") {
		if i > 0 {
			out.WriteString("\n\n")
		}
		cmd, _, _ := strings.Cut(block, "\n----")
		out.WriteString(cmd)
		if onlyComment(cmd) {
			continue
		}
		out.WriteString("\n----")
		for line := range strings.SplitSeq(cmd, "\n") {
			if !strings.HasPrefix(line, "#") {
				s.command(line)
			}
		}
		for _, line := range s.lines {
			out.WriteString("\n" + line)
		}
		s.lines = nil
	}
	out.WriteString("\n")
	return out.String()
}

func onlyComment(block string) bool {
	for line := range strings.Lines(block) {
		if !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

// scenario is one election and the instant it has come to.
type scenario struct {
	t        *testing.T
	now      time.Time
	opt      Options
	zxid     quorum.Zxid
	epoch    quorum.Epoch
	e        *Election
	deadline time.Time
	lines    []string
}

func (s *scenario) command(line string) {
	f := strings.Fields(line)
	args := map[string]string{}
	for _, w := range f[1:] {
		k, v, _ := strings.Cut(w, "=")
		args[k] = v
	}
	switch f[0] {
	case "new":
		s.create(args)
	case "start":
		reason := event.ReasonStart
		if len(f) > 1 {
			reason = f[1]
		}
		s.show(s.e.Start(s.now, reason, s.zxid, s.epoch))
	case "up", "down", "fail":
		kind := map[string]InputKind{"up": LinkUp, "down": LinkDown, "fail": DialFailed}[f[0]]
		s.show(s.e.Step(s.now, Input{Kind: kind, Peer: quorum.SID(s.num(f[1]))}))
	case "recv":
		s.show(s.e.Step(s.now, Input{Kind: Frame, Peer: quorum.SID(s.num(args["from"])), Frame: s.frame(args), More: args["more"] == "true"}))
	case "tell":
		s.show(s.e.Tell(s.now))
	case "raw":
		s.show(s.e.Step(s.now, Input{Kind: Frame, Peer: quorum.SID(s.num(args["from"])),
			Frame: make([]byte, s.num(args["bytes"]))}))
	case "pass":
		s.pass(f[1])
	case "silent":
		s.e.Silent(quorum.SID(s.num(f[1])))
	case "refused":
		s.e.Refused()
	case "established":
		s.e.Established(quorum.Epoch(s.num(f[1])))
	default:
		s.t.Fatalf("no such command: %q", line)
	}
}

func (s *scenario) num(text string) int64 {
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		s.t.Fatalf("%q is no number", text)
	}
	return n
}

func (s *scenario) sids(list string) []quorum.SID {
	var out []quorum.SID
	for _, w := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		out = append(out, quorum.SID(s.num(w)))
	}
	return out
}

// view makes a view of voters= observers= groups=1:2:3/4:5 weights=1:0/2:1 version=.
func (s *scenario) view(args map[string]string) *quorum.View {
	spec := quorum.Spec{}
	if v := args["version"]; v != "" {
		spec.Version = quorum.Version(s.num(v))
	}
	add := func(sid quorum.SID, role quorum.Role) {
		spec.Members = append(spec.Members, quorum.Member{SID: sid, Role: role, Addresses: []quorum.Address{
			{Host: "127.0.0.1", QuorumPort: 2000 + int(sid), ElectionPort: 3000 + int(sid)}}})
	}
	for _, sid := range s.sids(args["voters"]) {
		add(sid, quorum.Participant)
	}
	for _, sid := range s.sids(args["observers"]) {
		add(sid, quorum.Observer)
	}
	if g := args["groups"]; g != "" {
		spec.Groups = map[int64][]quorum.SID{}
		for i, group := range strings.Split(g, "/") {
			spec.Groups[int64(i+1)] = s.sids(strings.ReplaceAll(group, ":", ","))
		}
	}
	if w := args["weights"]; w != "" {
		spec.Weights = map[quorum.SID]int64{}
		for pair := range strings.SplitSeq(w, "/") {
			sid, weight, _ := strings.Cut(pair, ":")
			spec.Weights[quorum.SID(s.num(sid))] = s.num(weight)
		}
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (s *scenario) create(args map[string]string) {
	s.opt = Options{Self: quorum.SID(s.num(args["self"])), View: s.view(args), MessageSeed: 1,
		Strict: args["strict"] == "true", Reconfig: args["reconfig"] == "true", Parse: quorum.ParseOptions{Standalone: true}}
	if next := args["next"]; next != "" {
		s.opt.LastSeen = s.view(map[string]string{"voters": next, "version": args["nextversion"]})
	}
	s.zxid, s.epoch = 0, 0
	if z := args["zxid"]; z != "" {
		s.zxid = quorum.Zxid(s.num(z))
	}
	if ep := args["epoch"]; ep != "" {
		s.epoch = quorum.Epoch(s.num(ep))
	}
	s.e = New(s.opt)
}

func (s *scenario) frame(args map[string]string) []byte {
	n := Notification{Version: 2, Text: []byte(s.opt.View.Text())}
	states := map[string]quorum.State{"LOOKING": 0, "FOLLOWING": 1, "LEADING": 2, "OBSERVING": 3}
	if st, ok := states[args["state"]]; ok {
		n.State = st
	} else {
		n.State = quorum.State(s.num(args["state"]))
	}
	n.Vote = quorum.Vote{Leader: quorum.SID(s.num(args["leader"])), Zxid: quorum.Zxid(s.num(args["zxid"])),
		PeerEpoch: quorum.Epoch(s.num(args["epoch"]))}
	n.Round = quorum.Round(s.num(args["round"]))
	switch args["form"] {
	case "28":
		n.Form, n.Text = Form28, nil
	case "40":
		n.Form, n.Text = Form40, nil
	}
	if text, ok := args["text"]; ok {
		n.Text = []byte(strings.ReplaceAll(text, `\n`, "\n"))
	}
	if v := args["config"]; v != "" { // config=version:voters
		version, voters, _ := strings.Cut(v, ":")
		n.Text = []byte(s.view(map[string]string{"voters": voters, "version": version}).Text())
	}
	if id := args["id"]; id != "" {
		n.MessageID = uint64(s.num(id))
	}
	return Append(nil, n)
}

// pass lets time go by, calling Tick at each deadline on the way.
func (s *scenario) pass(text string) {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	end := s.now.Add(d)
	for !s.deadline.IsZero() && !s.deadline.After(end) {
		s.now = s.deadline
		s.show(s.e.Tick(s.now))
	}
	s.now = end
}

func (s *scenario) show(out Output) {
	at := fmt.Sprintf("%4dms ", s.now.Sub(time.Unix(1000, 0)).Milliseconds())
	for _, ev := range out.Events {
		s.lines = append(s.lines, at+describe(ev))
	}
	to := map[string][]quorum.SID{}
	var order []string
	for _, snd := range out.Sends {
		m := snd.Sent
		what := fmt.Sprintf("%s vote=%s round=%d %s", m.State, m.Vote, m.Round, m.Cause)
		if !slices.Contains(order, what) {
			order = append(order, what)
		}
		to[what] = append(to[what], m.Peer)
	}
	for _, what := range order {
		s.lines = append(s.lines, fmt.Sprintf("%ssend to %v %s", at, to[what], what))
	}
	if out.Adopted != nil {
		s.lines = append(s.lines, at+"adopted version "+out.Adopted.Version().String())
	}
	if d := out.Decision; d != nil {
		s.lines = append(s.lines, fmt.Sprintf("%s=> %s vote=%s round=%d", at, d.State, d.Vote, d.Round))
	}
	if out.Doubt != "" {
		s.lines = append(s.lines, at+"doubt: "+out.Doubt)
	}
	s.deadline = out.Deadline
}

// describe prints an event for a transcript.
func describe(ev event.Event) string {
	switch ev := ev.(type) {
	case event.ElectionStarted:
		return fmt.Sprintf("election started: %s", ev.Reason)
	case event.RoundChanged:
		return fmt.Sprintf("round %d -> %d %s by %d", ev.From, ev.To, ev.Cause, ev.Peer)
	case event.VoteChanged:
		return fmt.Sprintf("vote %s -> %s %s by %d", ev.From, ev.To, ev.Cause, ev.Peer)
	case *event.NotificationReceived:
		line := fmt.Sprintf("%d: %s %s round=%d: %s", ev.Peer, ev.State, ev.Vote, ev.Round, ev.Outcome)
		if ev.Detail != "" {
			line += " (" + ev.Detail + ")"
		}
		return line
	case event.ResendScheduled:
		return fmt.Sprintf("repeats after %s", ev.Wait)
	case event.QuorumReached:
		return fmt.Sprintf("quorum %v for %s", ev.Supporters, ev.Vote)
	case event.QuorumUndone:
		return "quorum undone"
	case event.ElectionDecided:
		return fmt.Sprintf("decided: %s", ev.How)
	case event.ElectionAborted:
		return fmt.Sprintf("aborted: %s", ev.Reason)
	case event.ConfigSeen:
		return fmt.Sprintf("config of %d version %s adopted=%t %s", ev.Peer, ev.Version, ev.Adopted, ev.Detail)
	default:
		return fmt.Sprintf("%s %+v", ev.Name(), ev)
	}
}

// TestAnswersAreBounded: a voter of another configuration that answers every answer gets a hundred in a
// burst and then a hundred a second; who only asks, as an observer or a watcher does, gets every answer.
func TestAnswersAreBounded(t *testing.T) {
	s := &scenario{t: t, now: time.Unix(1000, 0)}
	s.create(map[string]string{"self": "1", "voters": "1,2,3"})
	s.e.Start(s.now, event.ReasonStart, 0, 0)
	answers := func(leader string) int {
		n := 0
		for range 1000 {
			frame := s.frame(map[string]string{"state": "LOOKING", "leader": leader, "zxid": "0", "epoch": "0", "round": "1"})
			n += len(s.e.Step(s.now, Input{Kind: Frame, Peer: 9, Frame: frame}).Sends)
			s.now = s.now.Add(100 * time.Microsecond)
		}
		return n
	}
	if n := answers("9"); n < answersBurst || n > answersBurst+11 {
		t.Errorf("%d answers within 100 ms to a voter of another configuration", n)
	}
	if n := answers("-9223372036854775808"); n != 1000 {
		t.Errorf("%d answers to 1000 questions", n)
	}
}
