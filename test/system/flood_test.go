package system

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
	"electnode/test/proc"
)

// rejected is what a server counts as turned away, by port and reason.
func (s *server) rejected() (map[string]int, error) {
	const name = "electnode_port_rejections_total{"
	resp, err := http.Get("http://" + s.HTTP + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	all := map[string]int{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		text, ours := strings.CutPrefix(lines.Text(), name)
		labels, value, ok := strings.Cut(text, "} ")
		if !ours || !ok {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, err
		}
		labels = strings.NewReplacer(`port="`, "", `reason="`, "", `"`, "").Replace(labels)
		all[labels] = int(n)
	}
	return all, nil
}

// TestFlood opens more silent connections than are kept, all from one address. The bounds hold, exactly; the counts
// are exact, too, though the log has only some of them.
func TestFlood(t *testing.T) {
	t.Parallel()
	const servers = 3
	const half, clients, learners = 64 + servers, 30, 32 + servers // what each port keeps of one address
	const flood = 200
	e := newEnsemble(t, servers, "tickTime=1000\ninitLimit=5\nsyncLimit=10\nquorumCnxnTimeoutMs=5000\n")
	leader, epoch := e.start()
	silent := attack{name: "flood", hang: true}
	before, err := leader.rejected()
	if err != nil {
		t.Fatal(err)
	}
	g := newSiege(t)
	for range flood {
		g.launch(leader, leader.election, silent)
		g.launch(leader, leader.quorum, silent)
		g.launch(leader, leader.client, silent)
	}
	g.group.Wait()
	proc.Eventually(t, patience, "all are counted", func() error {
		now, err := leader.rejected()
		if err != nil {
			return err
		}
		got := map[string]int{}
		for kind, n := range now {
			if _, reason, _ := strings.Cut(kind, ","); reason != event.RejectClosed && n > before[kind] { // see ofPeer
				got[kind] = n - before[kind]
			}
		}
		want := map[string]int{"election,silent": half, "election,too_many": flood - half, "quorum,silent": learners,
			"quorum,too_many": flood - learners, "client,silent": clients, "client,too_many": flood - clients}
		if !maps.Equal(got, want) {
			return fmt.Errorf("%v, want %v", got, want)
		}
		return nil
	})
	proc.Eventually(t, patience, "the log says that it leaves lines out", func() error {
		if len(leader.Lines("lines left out")) == 0 {
			return fmt.Errorf("%d lines", len(leader.Lines("hand-shake rejected")))
		}
		return nil
	})
	if n := len(leader.Lines("hand-shake rejected")); n > 300 {
		t.Errorf("%d lines of %d rejections", n, 3*flood)
	}
	e.undisturbed(leader, epoch)
	t.Logf("%d KiB at most", leader.memory(t, "VmHWM"))
}

// storm dials the ports of a server again and again, says something, and lets the connections hang until they are
// closed or there are too many; it returns when ctx ends and tells how many it made.
func storm(ctx context.Context, ports map[int]func(i int) []byte) int {
	const workers, held = 4, 200
	var group sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for port, say := range ports {
		for range workers {
			group.Go(func() {
				var open []net.Conn
				for ctx.Err() == nil {
					var d net.Dialer
					c, err := d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
					if err != nil {
						continue // full up, or over
					}
					mu.Lock()
					made++
					n := made
					mu.Unlock()
					_, _ = c.Write(say(n)) // it may be closed already
					if open = append(open, c); len(open) > held {
						_ = open[0].Close()
						open = open[1:]
					}
				}
				for _, c := range open {
					_ = c.Close()
				}
			})
		}
	}
	group.Wait()
	return made
}

// everyPort are the ports of a server, and what a hostile client says first at each: half of the time nothing, and
// otherwise something that may be the beginning of a good conversation.
func everyPort(t *testing.T, s *server) map[int]func(int) []byte {
	t.Helper()
	_, port, err := net.SplitHostPort(s.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	httpPort, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	half := func(i int, say []byte) []byte {
		if i%2 == 0 {
			return nil
		}
		return say
	}
	return map[int]func(int) []byte{
		s.election: func(i int) []byte { return half(i, preamble(int64(1000+i), "127.0.0.1:1")) },
		s.quorum: func(i int) []byte {
			info := zab.AppendLearnerInfo(nil, zab.LearnerInfo{SID: quorum.SID(1000 + i), ProtocolVersion: 0x10000})
			return half(i, packet(zab.TypeObserverInfo, info))
		},
		s.client: func(i int) []byte { return half(i, []byte("ru")) },
		httpPort: func(i int) []byte { return half(i, []byte("GET /healthz HTTP/1.1\r\n")) },
	}
}

// TestStormKeepsNobodyOut: while all ports of the leader are stormed from the very address that everybody has, by
// silent connections, strangers and made-up learners, a member that starts anew joins, a program that asks over HTTP
// and one that says a word are answered, and the history of elections stays.
func TestStormKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, "tickTime=1000\ninitLimit=10\nsyncLimit=10\n4lw.commands.whitelist=ruok\n")
	leader, epoch := e.start("--log.level", "info")
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	ports := everyPort(t, leader)
	made := make(chan int)
	go func() { made <- storm(ctx, ports) }() // ends with ctx
	follower := e.others(leader)[0]
	follower.Kill()
	follower.Start("--log.level", "info")
	e.established()
	if l, now, err := e.agree(e.servers); err != nil || l != leader || now != epoch {
		t.Errorf("server %d led in epoch %s; now %+v, epoch %s, %v", leader.SID, epoch, l, now, err)
	}
	for range 20 { // the storm has the same address: one may have to ask again
		quick(t, "/leader answers in the storm", func() error {
			if got := code(leader, "/leader"); got != http.StatusOK {
				return fmt.Errorf("status %d", got)
			}
			return nil
		})
		quick(t, "ruok is answered in the storm", func() error {
			if got := ruok(leader.client); got != "imok" {
				return fmt.Errorf("%q", got)
			}
			return nil
		})
	}
	cancel()
	n := <-made
	counts, err := leader.rejected()
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, n := range counts {
		all += n
	}
	if n < 500 || all < n/4 {
		t.Errorf("%d connections and %d rejections are no storm", n, all)
	}
	if lines := strings.Count(leader.Log(), "\n"); lines > 1500 {
		t.Errorf("%d lines of log", lines)
	}
	if body := strings.Join(election(t, leader, "1"), ""); !strings.Contains(body, `"ElectionDecided"`) ||
		!strings.Contains(body, `"LeaderEstablished"`) || !strings.Contains(body, `"QuorumReached"`) {
		t.Errorf("the storm left of the election:\n%s", body)
	}
	t.Logf("%d connections, %d rejections, %d lines, %d KiB at most", n, all, strings.Count(leader.Log(), "\n"),
		leader.memory(t, "VmHWM"))
}

// election gives the recorded events of one, as JSON lines.
func election(t *testing.T, s *server, id string) (lines []string) {
	t.Helper()
	resp, err := http.Get("http://" + s.HTTP + "/api/v1/elections/" + id + "?format=jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(strings.Lines(string(raw)))
}

// ruok is what a client port says to that.
func ruok(port int) string {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err.Error()
	}
	if _, err := io.WriteString(c, "ruok"); err != nil {
		return err.Error()
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return err.Error()
	}
	return string(answer)
}
