package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestAnswers finds what docs/page.md says one finds: which message made a server change its vote, and why an
// election ended when it did. It clicks on the canvas, at the marks.
func TestAnswers(t *testing.T) {
	p := open(t, demo(t), 1440, 1010)
	p.settled(3)
	p.killLeader()
	p.wait("the election is over", p.over(2))
	p.click(`[data-time=vote]`)
	p.markClick("VoteChanged")
	p.wait("the change of vote is told", `/votes for server \d .* instead of server \d .*because of a notification of server \d/.test(document.getElementById('details').textContent)`)
	p.wait("its message is marked", `electnode.spacetime.view.chosen.size === 1`)
	p.click(`#details dd button.link`)
	p.wait("the message is told", `[...document.querySelectorAll('#details dt')].map((e) => e.textContent).join() === 'says,sent,why,received,did,message id' &&
		document.getElementById('details').textContent.includes('its vote is better than the own one and was adopted')`)
	p.wait("the arrow that is marked is the one that changed the vote", `(() => {
		const [m] = electnode.spacetime.view.chosen;
		const vote = electnode.model.events.findLast((e) => e.name === 'VoteChanged');
		return m.id === vote.raw.message_id && m.to === vote.sid && m.from === vote.raw.peer;
	})()`)
	p.shot("why-the-vote-changed")

	p.markClick("ElectionDecided")
	p.wait("the decision is explained", `(() => {
		const text = document.getElementById('details').textContent;
		return text.includes('every voter that can be reached supports the vote') && text.includes('last vote') && text.includes('a quorum supports server') &&
			text.includes('unreachable') && text.includes('refused');
	})()`)
	p.shot("why-it-ended")
}

// markClick clicks on the canvas where the newest event of a name is marked.
func (p *tab) markClick(name string) {
	p.t.Helper()
	p.wait("the mark of "+name, fmt.Sprintf(`electnode.spacetime.hits.marks.some((m) => m.ev.name === '%s')`, name))
	var at struct{ X, Y float64 }
	p.eval(fmt.Sprintf(`(async () => {
		await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
		document.getElementById('canvas').scrollIntoView({ block: 'center' });
		const m = electnode.spacetime.hits.marks.findLast((m) => m.ev.name === '%s');
		const box = document.getElementById('canvas').getBoundingClientRect();
		return { X: box.left + m.x, Y: box.top + m.y };
	})()`, name), &at)
	p.run(chromedp.MouseClickXY(at.X, at.Y))
}

// TestKeys does everything without a mouse: moves in time, steps, chooses, follows.
func TestKeys(t *testing.T) {
	p := open(t, demo(t), 1440, 1000)
	p.settled(3)
	p.run(chromedp.Focus(`#canvas`, chromedp.ByQuery))
	span := func() (from, long float64) {
		var v []float64
		p.eval(`[electnode.spacetime.view.t0, electnode.spacetime.view.t1 - electnode.spacetime.view.t0]`, &v)
		return v[0], v[1]
	}
	p.run(chromedp.KeyEvent("a"))
	from, long := span()
	p.run(chromedp.KeyEvent("+"))
	if _, now := span(); now >= long {
		t.Errorf("+ shows %f instead of %f µs", now, long)
	}
	p.run(chromedp.KeyEvent("-"), chromedp.KeyEvent(kb.ArrowRight))
	if now, _ := span(); now <= from {
		t.Errorf("the arrow went from %f to %f", from, now)
	}
	for range 60 {
		p.run(chromedp.KeyEvent("+"))
	}
	if _, now := span(); now > 3 {
		t.Errorf("%f µs in view at the closest", now)
	}
	p.run(chromedp.KeyEvent("l"), chromedp.KeyEvent("n"))
	var steps []int
	for range 5 {
		var at int
		p.eval(`electnode.model.events.indexOf(electnode.spacetime.selected.event)`, &at)
		steps = append(steps, at)
		p.run(chromedp.KeyEvent("n"))
	}
	for i, at := range steps[1:] {
		if at <= steps[i] {
			t.Errorf("steps %v", steps)
		}
	}
	p.wait("the details follow", `document.querySelectorAll('#details h3').length === 1`)
	p.wait("the graph shows that time", `document.getElementById('now-title').textContent.startsWith('At ')`)
	p.run(chromedp.KeyEvent(kb.Escape))
	p.wait("now again", `document.getElementById('now-title').textContent === 'Now'`)
	p.run(chromedp.KeyEvent("f"))
	p.wait("time is followed", `electnode.spacetime.follow === 'live' && document.querySelector('[data-time=live]').getAttribute('aria-pressed') === 'true'`)

	// What a screen reader is told.
	p.eval(`document.getElementById('list').open = true`, nil)
	p.wait("the events in view as a table", `document.querySelectorAll('#list tbody tr').length > 0`)
	var unnamed string
	p.eval(`[...document.querySelectorAll('button, [role=button], input, canvas[tabindex], dialog')].filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label') ||
		e.getAttribute('aria-labelledby') || e.closest('label'))).map((e) => e.outerHTML).join()`, &unnamed)
	if unnamed != "" {
		t.Errorf("without a name: %s", unnamed)
	}
}

// TestCompare lists elections with what they were about, and shows two beside each other.
func TestCompare(t *testing.T) {
	p := open(t, demo(t), 1440, 1600)
	p.settled(3)
	p.killLeader()
	p.wait("two elections that established a leader", p.over(2)+` && electnode.spacetime.groups.filter((g) => g.kind === 'elected').length >= 2`)
	p.wait("they are listed", `[...document.querySelectorAll('#election-table tbody tr')].some((r) => r.textContent.includes('leader_lost') && r.textContent.includes('epoch '))`)
	p.eval(`electnode.spacetime.groups.filter((g) => g.kind === 'elected').slice(0, 2).forEach((g) => document.querySelector('tr[data-key="' + g.key + '"] input').click())`, nil)
	p.wait("both are drawn", `!document.getElementById('compare').hidden && document.querySelectorAll('#compare canvas').length === 2 &&
		[...document.querySelectorAll('#compare th[scope=row]')].map((e) => e.textContent).includes('established')`)
	p.shot("compare")
}

// TestOlderElection: an election that is not on the time line any more is fetched from the recorders, all of its
// servers, and links to its trace.
func TestOlderElection(t *testing.T) {
	base := demo(t, "--web.trace-url", "http://127.0.0.1:1/trace/{trace_id}")
	p := open(t, base, 1440, 1000)
	p.settled(3)
	p.wait("a link to the trace", `document.querySelectorAll('#election-table a[href^="http://127.0.0.1:1/trace/"]').length > 0`)
	p.eval(`electnode.source.source.close(); electnode.live.clear(); electnode.later()`, nil)
	p.wait("the recorders have it", `document.querySelectorAll('#election-table tr.older').length >= 3`)
	p.eval(`[...document.querySelectorAll('#election-table tr.older')].find((r) => !r.textContent.includes('joined_established')).querySelector('button').click()`, nil)
	const it = `electnode.spacetime.groups.find((g) => g.kind === 'elected' && g.members.length >= 2)`
	p.wait("its events are there", `electnode.model !== electnode.live && `+it+` &&
		electnode.model.messages.some((m) => m.sent && m.received)`)
	p.wait("it is said that this is not now", `document.getElementById('banner').textContent.includes('not at what happens now')`)
	// Of the summaries as they are by then: an election has a provisional trace until its epoch is known.
	p.wait("with its trace", `electnode.summaries.some((s) => s.how !== 'joined_established' &&
		electnode.trace(`+it+`.chief) === 'http://127.0.0.1:1/trace/' + s.trace_id)`)
}

// TestHostileText: names and details that others made up are text, whatever is in them.
func TestHostileText(t *testing.T) {
	evil := `<img src=x onerror=\"window.hit=1\"><script>window.hit=1<\/script>`
	at := `"time":"2026-01-02T15:04:0%d.000000000Z","mono_ns":%d000000000,"sid":%d,"election":1`
	event := func(i, sid int, rest string) string {
		return "{" + fmt.Sprintf(at, i, i+1, sid) + "," + strings.ReplaceAll(rest, "EVIL", evil) + "}\n"
	}
	vote := `{"leader":2,"zxid":"EVIL","peer_epoch":"EVIL"}`
	recording := event(0, 1, `"event":"NodeStarted","role":"EVIL","accepted_epoch":"EVIL","current_epoch":"1","zxid":"EVIL","config":"server.1=EVIL:1:2:participant\nserver.2=b:1:2"`) +
		event(1, 1, `"event":"ElectionStarted","reason":"EVIL","at":null,"round":"EVIL","vote":`+vote) +
		event(2, 1, `"event":"NotificationReceived","peer":2,"message_id":"EVIL","sent_at":"EVIL","outcome":"EVIL","detail":"EVIL","state":"EVIL","vote":`+vote+`,"round":"EVIL"`) +
		event(3, 1, `"event":"ElectionDecided","vote":`+vote+`,"round":"1","state":"EVIL","how":"EVIL","phases":null`) +
		event(4, 1, `"event":"LeaderEstablished","leader":2,"epoch":"EVIL"`) +
		event(5, 1, `"event":"EVIL","peer":{}`) +
		event(6, 1, `"event":"Action","text":"EVIL","detail":"EVIL","fault":{"fault":"cut","sid":1,"peer":2}`) +
		event(7, 1, `"event":"VoteChanged","from":null,"to":7,"cause":["EVIL"],"peer":"EVIL"`) +
		"nothing\n[1]\n{\"sid\":1}\n7\nnull\n"
	file := filepath.Join(t.TempDir(), "<b>evil<b>.jsonl")
	if err := os.WriteFile(file, []byte(recording), 0o644); err != nil {
		t.Fatal(err)
	}
	p := open(t, demo(t), 1440, 1000)
	p.settled(3)
	p.run(chromedp.SetUploadFiles(`#file`, []string{file}, chromedp.ByQuery))
	p.wait("it is opened", `document.getElementById("said").textContent === "" && electnode.model !== electnode.live`)
	p.wait("the file is shown", `electnode.model !== electnode.live && electnode.model.events.length === 8 && electnode.model.skipped === 5`)
	p.eval(`document.getElementById('list').open = true; electnode.spacetime.fitAll()`, nil)
	for range 9 {
		p.click(`[data-time=next]`)
	}
	p.wait("details are shown", `document.getElementById('details').textContent.length > 40`)
	p.wait("nothing of it became HTML", `!window.hit && document.querySelectorAll('main img, main script, header b, .banner b, .banner img').length === 0`)
	p.wait("it is shown as text", `document.body.textContent.includes('onerror')`)
}

// TestTheme switches to dark and stays so.
func TestTheme(t *testing.T) {
	p := open(t, demo(t), 1440, 1000)
	p.settled(3)
	const colour = `getComputedStyle(document.body).backgroundColor`
	var light, dark string
	p.eval(colour, &light)
	p.click(`#theme`)
	p.eval(colour, &dark)
	if light == dark {
		t.Errorf("%s and %s", light, dark)
	}
	p.run(chromedp.Reload())
	p.settled(3)
	p.wait("it is still dark", colour+` === '`+dark+`'`)
	p.wait("the canvas too", `electnode.spacetime.colours.panel === getComputedStyle(document.documentElement).getPropertyValue('--panel').trim()`)
}
