package browser

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"electnode/test/proc"

	"github.com/chromedp/chromedp"
)

// TestPageOfANode: the page of one of three `electnode run` shows the ensemble when it knows the others' addresses,
// says who does not answer, and offers to act on its own node only, if at all.
func TestPageOfANode(t *testing.T) {
	nodes, urls := trio(t)
	nodes[0].Start("--faults.enabled")
	nodes[1].Start()
	nodes[2].StartAndWait()
	p := open(t, urls[0], 1440, 1000)
	p.settled(3)
	p.wait("it says whom it asked", `document.getElementById('scope').textContent === '3 servers asked'`)
	p.wait("messages of all three have both ends", `[1, 2, 3].every((a) => electnode.model.messages.some((m) => m.from === a && m.sent && m.received))`)
	p.run(chromedp.Click(`.node[data-sid="1"]`, chromedp.ByQuery))
	p.wait("faults for the own node", `document.querySelectorAll('#controls button[data-fault=pause]').length === 1`)
	p.run(chromedp.Click(`.node[data-sid="2"]`, chromedp.ByQuery))
	p.wait("none for another", `document.querySelectorAll('#controls button[data-fault=pause]').length === 0 && document.querySelector('#controls h3').textContent === 'Server 2'`)

	nodes[2].Kill()
	p.wait("a leader without server 3, which does not answer", `!['', '3'].includes(document.body.dataset.leader) &&
		document.getElementById('scope').textContent === '3 servers asked, 1 does not answer'`)

	alone := open(t, urls[1], 1440, 1000)
	alone.wait("its own view", `document.getElementById('scope').textContent === 'this node’s own view' && document.querySelectorAll('.node').length === 3`)
	alone.wait("no way to act", `document.querySelectorAll('#controls button').length === 0`)
	alone.shot("own-view")
}

// TestLostStream: when the server goes, the page says so plainly; when it comes back, the page goes on by itself.
func TestLostStream(t *testing.T) {
	port := proc.Ports(t, 1)[0]
	address := fmt.Sprintf("127.0.0.1:%d", port)
	d := proc.New(t, "demo", t.TempDir()+"/log")
	d.Start(command("demo", "--web.listen-address", address))
	proc.Eventually(t, patience, "the demo answers", func() error {
		if !strings.Contains(d.Log(), "look at") {
			return os.ErrNotExist
		}
		return nil
	})
	p := open(t, "http://"+address, 1440, 1000)
	p.settled(3)
	p.allow("net::ERR_") // the browser says so, too
	d.Kill()
	p.wait("it says that the stream is lost", `document.body.dataset.stream === 'lost' && !document.getElementById('banner').hidden &&
		document.getElementById('banner').textContent.includes('lost')`)
	p.shot("lost")
	d.Start(command("demo", "--web.listen-address", address))
	p.wait("it is live again, with the new process's events alone", `document.body.dataset.stream === 'live' && document.getElementById('banner').hidden &&
		electnode.model.lanes.every((l) => l.starts.length === 1)`)
	p.settled(3)
}

// trio prepares three nodes, of which the first asks the others for its page.
func trio(t *testing.T) (nodes []*proc.Node, urls []string) {
	t.Helper()
	ports := proc.Ports(t, 6)
	var cfg strings.Builder
	cfg.WriteString("tickTime=500\ninitLimit=10\nsyncLimit=4\n")
	for i := range 3 {
		fmt.Fprintf(&cfg, "server.%d=127.0.0.1:%d:%d\n", i+1, ports[2*i], ports[2*i+1])
	}
	for sid := range 3 {
		n := proc.NewNode(t, electnode, sid+1, cfg.String())
		nodes, urls = append(nodes, n), append(urls, "http://"+n.HTTP)
	}
	nodes[0].Configure(cfg.String() + "electnode.web.peers=" + strings.Join(urls, ",") + "\n")
	return nodes, urls
}

// TestSilentServers: what the dead said last is no claim any more, and who stopped in an orderly way is seen to.
func TestSilentServers(t *testing.T) {
	nodes, urls := trio(t)
	nodes[0].Start()
	nodes[1].Start()
	nodes[2].StartAndWait()
	p := open(t, urls[0], 1440, 1000)
	p.settled(3)
	var leader int
	p.eval(`Number(document.body.dataset.leader)`, &leader)
	if leader == 1 { // its vote loses against any other
		t.Fatal("server 1 leads")
	}
	other := 5 - leader
	p.wait("all were asked", `electnode.glance.members.every((m) => m.status)`)
	nodes[other-1].Signal(syscall.SIGTERM)
	nodes[other-1].Wait(patience)
	nodes[leader-1].Kill()
	p.wait("no leader without a quorum", `document.body.dataset.leader === '' && document.getElementById('scope').textContent === '3 servers asked, 2 do not answer'`)
	dead := fmt.Sprintf(`.node[data-sid="%d"]`, leader)
	p.wait("nothing is known of the dead one, and it has no crown", `document.querySelector('`+dead+`').dataset.state === 'UNKNOWN' &&
		document.querySelectorAll('.node[data-established=true]').length === 0`)
	p.wait("the other one stopped", fmt.Sprintf(`document.querySelector('.node[data-sid="%d"]').dataset.state === 'STOPPED'`, other))
	p.run(chromedp.Click(dead, chromedp.ByQuery))
	p.wait("it says why", `/answers.*no: .*refused/.test(document.getElementById('controls').textContent)`)
	p.eval(`electnode.spacetime.setFollow('live')`, nil)
	p.wait("its lane ends with what it told last", fmt.Sprintf(`electnode.model.bySid.get(%[1]d).lastTime < electnode.spacetime.view.now - 2e6 && (() => {
		const { canvas, view, colours } = electnode.spacetime;
		const scale = canvas.width / view.width;
		const x = canvas.width - Math.round(80 * scale); // a second ago or so
		const column = canvas.getContext('2d').getImageData(x, 0, 1, canvas.height).data;
		const probe = document.createElement('canvas').getContext('2d');
		probe.fillStyle = colours.leading;
		probe.fillRect(0, 0, 1, 1);
		const want = probe.getImageData(0, 0, 1, 1).data.join();
		for (let y = 0; y < canvas.height; y++) if (column.slice(4 * y, 4 * y + 4).join() === want) return false;
		return true;
	})()`, leader))
	p.shot("silent")
	nodes[other-1].Start()
	p.wait("the other one leads", fmt.Sprintf(`document.body.dataset.leader === '%d' && document.querySelector('.node[data-sid="%[1]d"]').dataset.state === 'LEADING'`, other))
}

// TestWhoLeads: the majority is of those who vote and were asked, whether they answer or not.
func TestWhoLeads(t *testing.T) {
	p := open(t, demo(t), 1440, 1000)
	config := "server.1=a:1:2\\nserver.2=b:1:2:participant\\nserver.3=c:1:2\\nserver.4=d:1:2:observer\\nserver.5=e:1:2\\nserver.6=f:1:2\\nversion=0"
	for _, c := range []struct{ name, members, want string }{
		{"nobody else was asked", `says(1)`, "6"},
		{"two of two that were asked", `says(1), says(2)`, "6"},
		{"three of five", `says(1), says(2), says(3), silent(5), silent(6)`, "6"},
		{"an observer does not count", `says(1), says(2), says(4), silent(5), silent(6), silent(3)`, ""},
		{"two of five", `says(1), says(2), silent(3), silent(5), silent(6)`, ""},
		{"two of five, the others never answered", `says(1), says(2), silent(null), silent(null), silent(null)`, ""},
		{"three of five, an observer never answered", `says(1), says(2), says(3), silent(5), silent(6), silent(null)`, "6"},
		{"one at two addresses", `silent(1), says(1), silent(1)`, "6"},
	} {
		var got string
		p.eval(fmt.Sprintf(`(async () => {
			const { Model } = await import('./page/model.js');
			const { leadership, serversOf } = await import('./page/present.js');
			const says = (sid) => ({ sid, error: '', address: '', status: { sid, peers: [], state: 'FOLLOWING', established: true, leader: 6, current_epoch: '1', since: null, role: sid === 4 ? 'observer' : 'participant' } });
			const silent = (sid) => ({ sid, error: 'refused', address: '', status: null });
			const model = new Model();
			model.members('%s');
			const glance = { members: [%s] };
			return String(leadership(serversOf(model, glance, null), model, glance).leader ?? '');
		})()`, config, c.members), &got)
		if got != c.want {
			t.Errorf("%s: %q leads, want %q", c.name, got, c.want)
		}
	}
}

// TestRefusedStream: a page whose stream is refused for a while, by a proxy or because too many listen, comes again and goes
// on where it was: each event is there once.
func TestRefusedStream(t *testing.T) {
	target, err := url.Parse(demo(t))
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(target)
	pass.ErrorLog = log.New(io.Discard, "", 0) // it tells of streams that are cut
	pass.FlushInterval = -1
	var refusing atomic.Bool
	var refused atomic.Int64
	cut, end := context.WithCancel(t.Context())
	defer end()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			pass.ServeHTTP(w, r)
			return
		}
		if refusing.Load() {
			refused.Add(1)
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		ctx, stop := context.WithCancel(r.Context())
		defer stop()
		if refused.Load() == 0 {
			defer context.AfterFunc(cut, stop)()
		}
		defer func() { _ = recover() }() // the proxy's own way to end an answer that is cut
		pass.ServeHTTP(w, r.WithContext(ctx))
	}))
	t.Cleanup(proxy.Close) // behind the end of the browser, whose streams it waits for
	p := open(t, proxy.URL, 1440, 1000)
	p.settled(3)
	p.allow("502")
	p.allow("net::ERR_") // of the stream that is cut
	refusing.Store(true)
	end()
	p.wait("the stream is refused", `document.body.dataset.stream === 'lost' && electnode.source.source.readyState === EventSource.CLOSED`)
	refusing.Store(false)
	p.wait("it is live again", `document.body.dataset.stream === 'live' && electnode.source.source.readyState === EventSource.OPEN`)
	p.killLeader()
	p.wait("it goes on", p.over(2))
	p.wait("each event is there once", `new Set(electnode.model.events.map((e) => JSON.stringify(e.raw))).size === electnode.model.events.length &&
		electnode.model.lanes.every((l) => l.events.length > 0) && electnode.model.missed === 0`)
	if refused.Load() == 0 {
		t.Error("it was never refused")
	}
}

// TestGapInTheModel: a server is known only by what it answers when events of it are missing, also after its events were put
// into order or the oldest were thrown away, until it starts anew.
func TestGapInTheModel(t *testing.T) {
	p := open(t, demo(t), 1440, 1000)
	var got string
	p.eval(`(async () => {
		const { Model } = await import('./page/model.js');
		const model = new Model();
		const at = (s, event, more) => ({ time: '2026-01-02T15:04:' + s + '.000000000Z', sid: 1, event, ...more });
		const start = { role: 'participant', accepted_epoch: '0', current_epoch: '0', zxid: '0x0', config: 'server.1=a:1:2' };
		const partial = [];
		const note = () => { model.settle(); partial.push(model.lanes[0].partial); };
		model.add(at('01', 'NodeStarted', start));
		note();
		model.gap(3);
		note();
		model.add(at('05', 'HeartbeatMissed', { peer: 2 }));
		model.add(at('04', 'HeartbeatMissed', { peer: 2 })); // out of order
		note();
		model.again(model.events);
		note();
		model.add(at('07', 'HeartbeatMissed', { peer: 2 }));
		model.add(at('06', 'HeartbeatMissed', { peer: 2 }));
		note();
		model.add(at('08', 'NodeStarted', start));
		note();
		return partial.join();
	})()`, &got)
	if want := "false,true,true,true,true,false"; got != want {
		t.Errorf("partial: %s, want %s", got, want)
	}
}
