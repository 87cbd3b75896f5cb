package browser

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"electnode/test/proc"

	"github.com/chromedp/chromedp"
)

// TestPageOfANode: the page of one of three `electnode run` shows the ensemble when it knows the others' addresses,
// says who does not answer, and offers to act on its own node only, if at all.
func TestPageOfANode(t *testing.T) {
	ports := proc.Ports(t, 6)
	var cfg strings.Builder
	cfg.WriteString("tickTime=500\ninitLimit=10\nsyncLimit=4\n")
	for i := range 3 {
		fmt.Fprintf(&cfg, "server.%d=127.0.0.1:%d:%d\n", i+1, ports[2*i], ports[2*i+1])
	}
	var nodes []*proc.Node
	var urls []string
	for sid := range 3 {
		n := proc.NewNode(t, electnode, sid+1, cfg.String())
		nodes, urls = append(nodes, n), append(urls, "http://"+n.HTTP)
	}
	nodes[0].Configure(cfg.String() + "electnode.web.peers=" + strings.Join(urls, ",") + "\n")
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
