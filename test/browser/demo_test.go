package browser

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"electnode/internal/web"
	"electnode/test/proc"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// get asks a server as a program does.
func get(t testing.TB, url string) []byte {
	t.Helper()
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", url, resp.Status, err, body)
	}
	return body
}

// end is one end of a notification.
type end struct {
	Event     string `json:"event"`
	Time      string `json:"time"`
	Peer      int    `json:"peer"`
	MessageID string `json:"message_id"`
}

// recorded lists the sends and receives of a server's newest election, as its recorder has them.
func recorded(t testing.TB, base string, sid int) []end {
	t.Helper()
	node := fmt.Sprintf("%s/nodes/%d/api/v1/elections", base, sid)
	var list web.ElectionList
	if err := json.Unmarshal(get(t, node), &list); err != nil {
		t.Fatal(err)
	}
	if newest := list.Elections[0]; newest.LeftOut+newest.Lost > 0 {
		t.Fatalf("the recorder left something out: %+v", newest)
	}
	var ends []end
	for line := range strings.Lines(string(get(t, node+"/"+list.Elections[0].ID+"?format=jsonl"))) {
		var e end
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(e.Event, "Notification") {
			ends = append(ends, e)
		}
	}
	return ends
}

// shown lists the same as the page's model has them, in the election that its space-time view shows.
func (p *tab) shown(sid int) []end {
	p.t.Helper()
	var ends []end
	p.eval(fmt.Sprintf(`electnode.model.bySid.get(%d).elections.at(-1).events.filter((e) => e.name.startsWith('Notification'))
		.map((e) => ({event: e.name, time: e.raw.time, peer: e.raw.peer, message_id: e.raw.message_id}))`, sid), &ends)
	return ends
}

// leader is whom the page shows as the established leader.
func (p *tab) leader() int {
	p.t.Helper()
	var sid int
	p.eval(`Number(document.body.dataset.leader)`, &sid)
	return sid
}

// killLeader kills the leader by clicking on it, and waits until the page shows another one.
func (p *tab) killLeader() (old int, survivors []int) {
	p.t.Helper()
	old = p.leader()
	p.eval(`fetch('api/v1/ensemble').then((r) => r.json()).then((a) => Math.max(...a.members.map((m) => Number(m.status.current_epoch))))`, &p.before)
	p.click(fmt.Sprintf(`.node[data-sid="%d"]`, old))
	p.click(`button[data-fault=kill]`)
	p.wait("the leader is shown as killed, and another one", fmt.Sprintf(`document.querySelector('.node[data-sid="%d"]').dataset.state === 'STOPPED' &&
		!['', '%[1]d'].includes(document.body.dataset.leader)`, old))
	p.eval(`electnode.model.lanes.map((l) => l.sid).filter((s) => s !== `+fmt.Sprint(old)+`)`, &survivors)
	return old, survivors
}

// over says that the newest election is a later one than that of the leader who was killed, and that n servers are
// seen in it. A first election may take two epochs where a machine is slow.
func (p *tab) over(n int) string {
	return fmt.Sprintf(`Number(electnode.spacetime.groups[0]?.epoch) > %d && electnode.spacetime.groups[0].members.length === %d`, p.before, n)
}

// TestKillTheLeader is what everybody does first: look, and kill the leader by click. The space-time view then shows
// who was LOOKING, and exactly the notifications that the servers have recorded.
func TestKillTheLeader(t *testing.T) {
	base := demo(t)
	p := open(t, base, 1440, 1000)
	p.settled(3)
	old, survivors := p.killLeader()
	p.wait("all follow the new leader", `[...document.querySelectorAll('.node:not([data-state=STOPPED])')].length === 2 && `+p.over(2))
	p.wait("the survivors were LOOKING in the part of time that is seen", fmt.Sprintf(`electnode.model.lanes.filter((l) => l.sid !== %d).every((l) =>
		l.stretches.some((s) => s.state === 'LOOKING' && s.t0 > electnode.spacetime.view.t0 && s.t1 < electnode.spacetime.view.t1))`, old))
	p.wait("arrows are drawn between them", fmt.Sprintf(`electnode.spacetime.hits.messages.filter((h) => h.fate === 'delivered' &&
		h.m.from !== %d && h.m.to !== %[1]d && h.b.x >= h.a.x).length > 0`, old))
	p.wait("the action is on the time line", fmt.Sprintf(`electnode.spacetime.hits.marks.some((m) => m.ev.name === 'Action' && m.ev.raw.text === 'kill %d')`, old))
	for _, sid := range survivors {
		proc.Eventually(t, patience, fmt.Sprintf("server %d: the same notifications as recorded", sid), func() error {
			got, want := p.shown(sid), recorded(t, base, sid)
			if diff := cmp.Diff(want, got); diff != "" || len(want) < 2 {
				return fmt.Errorf("%d recorded (-want +got):\n%s", len(want), diff)
			}
			return nil
		})
	}
	p.shot("killed")
}

// picture is all that the space-time view shows of a part of time, to the pixel.
func (p *tab) picture(from, to float64) string {
	p.t.Helper()
	var png string
	p.eval(fmt.Sprintf(`(async () => {
		electnode.spacetime.select(null);
		electnode.spacetime.follow = 'none';
		electnode.spacetime.show(%f, %f);
		await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
		return document.getElementById('canvas').toDataURL();
	})()`, from, to), &png)
	if len(png) < 5000 {
		p.t.Fatalf("an empty picture: %s", png)
	}
	return png
}

// save writes a recording as the page saves it.
func (p *tab) save() string {
	p.t.Helper()
	var lines string
	p.eval(`electnode.model.lines()`, &lines)
	file := filepath.Join(p.t.TempDir(), "recording.jsonl")
	if err := os.WriteFile(file, []byte(lines), 0o644); err != nil {
		p.t.Fatal(err)
	}
	return file
}

// TestReplay shows a recording of an election by `electnode replay` and as a file that is opened: the picture is the
// same, to the pixel.
func TestReplay(t *testing.T) {
	p := open(t, demo(t), 1440, 1000)
	p.settled(3)
	p.killLeader()
	p.wait("the election is over", p.over(2))
	var view struct{ From, To float64 }
	p.eval(`({From: electnode.spacetime.view.t0, To: electnode.spacetime.view.t1})`, &view)
	p.wait("that part of time is over, and what has not arrived is lost", fmt.Sprintf(`electnode.model.latest > %f + 1500e3`, view.To))
	want := p.picture(view.From, view.To)
	p.shot("replay-want")
	file := p.save()

	again := open(t, start(t, "replay", "replay", file, "--web.listen-address", "127.0.0.1:0"), 1440, 1000)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	there := fmt.Sprintf(`electnode.model.events.length === %d && `, strings.Count(string(raw), "\n")) + p.over(2)
	again.wait("the recording is there", `document.body.dataset.stream === 'live' && electnode.glance.kind === 'recording' && `+there)
	if again.picture(view.From, view.To) != want {
		again.shot("replayed-otherwise")
		t.Error("the replayed election looks otherwise")
	}
	again.shot("replayed")
	var buttons int
	again.eval(`document.querySelectorAll('button[data-fault]').length`, &buttons)
	if buttons != 0 {
		t.Errorf("%d buttons to act on a recording", buttons)
	}

	p.drop(file)
	p.wait("the file is shown", `!document.getElementById('banner').hidden && electnode.model !== electnode.live && `+there)
	if p.picture(view.From, view.To) != want {
		t.Error("the election in the opened file looks otherwise")
	}
	p.click(`#back`)
	p.wait("back to the live view", `electnode.model === electnode.live && document.getElementById('banner').hidden`)
}

// drop drops a file onto the page.
func (p *tab) drop(file string) {
	p.t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := json.Marshal(string(raw))
	if err != nil {
		p.t.Fatal(err)
	}
	p.eval(fmt.Sprintf(`(() => {
		const dataTransfer = new DataTransfer();
		dataTransfer.items.add(new File([%s], 'dropped.jsonl'));
		document.body.dispatchEvent(new DragEvent('dragover', { dataTransfer, bubbles: true, cancelable: true }));
		document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
	})()`, text), nil)
}

// TestFaults asks for every fault by click or key, and sees it happen.
func TestFaults(t *testing.T) {
	p := open(t, demo(t), 1440, 1000)
	p.settled(3)
	p.run(chromedp.Focus(`.node[data-sid="1"]`, chromedp.ByQuery), chromedp.KeyEvent("\r"))
	p.run(chromedp.KeyEvent("u"))
	p.wait("server 1 sleeps", `document.querySelector('.node[data-sid="1"]').dataset.state === 'PAUSED'`)
	p.run(chromedp.KeyEvent("m"))
	p.wait("server 1 wakes", `document.querySelector('.node[data-sid="1"]').dataset.state !== 'PAUSED'`)
	p.settled(3)

	p.run(chromedp.Focus(`.line[data-pair="1-2"]`, chromedp.ByQuery), chromedp.KeyEvent("\r"), chromedp.KeyEvent("x"))
	p.wait("the line is cut", `document.querySelector('.line[data-pair="1-2"]').classList.contains('is-cut')`)
	p.click(`button[data-fault=heal]`)
	p.wait("the line is mended", `!document.querySelector('.line[data-pair="1-2"]').classList.contains('is-cut')`)
	p.settled(3)

	leader := p.leader()
	p.click(fmt.Sprintf(`.node[data-sid="%d"]`, leader))
	p.click(`button[data-fault=isolate]`)
	p.wait("it is isolated, and another one leads", fmt.Sprintf(`document.querySelectorAll('.line.is-cut').length === 2 &&
		!['', '%d'].includes(document.body.dataset.leader)`, leader))
	p.click(`button[data-fault=heal-all]`)
	p.settled(3)

	leader = p.leader()
	p.click(fmt.Sprintf(`.node[data-sid="%d"]`, leader))
	p.click(`button[data-fault=resign]`)
	p.wait("it resigned", fmt.Sprintf(`electnode.model.bySid.get(%d).elections.at(-1).reason === 'resigned'`, leader))
	p.settled(3)

	p.click(`.node[data-sid="1"]`)
	p.click(`button[data-fault=zxid]`)
	p.wait("it is asked which", `document.getElementById('zxid').open`)
	p.eval(`document.querySelector('#zxid input').value = '0x900000001'; document.querySelector('#zxid button[value=ok]').click()`, nil)
	p.wait("server 1 is back with its history", `electnode.model.bySid.get(1).events.findLast((e) => e.name === 'NodeStarted').raw.zxid === '0x900000001'`)
	var texts []string
	p.eval(`electnode.model.actions.map((a) => a.raw.text + a.raw.detail)`, &texts)
	want := []string{"pause 1", "resume 1", "cut 1 2", "heal 1 2"}
	if len(texts) != 8 || cmp.Diff(want, texts[:4]) != "" || texts[5] != "heal" || texts[7] != "zxid 1 0x900000001" {
		t.Errorf("actions on the time line: %q", texts)
	}
}
