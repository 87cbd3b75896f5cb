package browser

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"electnode/test/proc"
	"electnode/test/zk"
)

// realServers starts three real ZooKeeper servers and gives them with their election ports.
func realServers(t *testing.T) (servers []*zk.Server, elections []string) {
	t.Helper()
	zk.Need(t)
	ports := proc.Ports(t, 9)
	var lines strings.Builder
	for i := range 3 {
		elections = append(elections, fmt.Sprintf("127.0.0.1:%d", ports[3*i+2]))
		fmt.Fprintf(&lines, "server.%d=127.0.0.1:%d:%d;127.0.0.1:%d\n", i+1, ports[3*i+1], ports[3*i+2], ports[3*i])
	}
	for i := range 3 {
		s := zk.New(t, i+1, "tickTime=500\ninitLimit=20\nsyncLimit=10\n"+lines.String())
		s.Start()
		servers = append(servers, s)
	}
	return servers, elections
}

// watcher starts `electnode watch` and gives its address.
func watcher(t *testing.T, args ...string) string {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", proc.Ports(t, 1)[0])
	w := proc.New(t, "watcher", filepath.Join(t.TempDir(), "log"))
	w.Start(command(append([]string{"watch", "--web.listen-address", address}, args...)...))
	proc.Eventually(t, patience, "the watcher answers", func() error {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return errors.New(w.Log())
		}
		return conn.Close()
	})
	return "http://" + address
}

// TestWatchedPage shows three real servers, their leader, its death, and its successor; then the time without one.
func TestWatchedPage(t *testing.T) {
	servers, elections := realServers(t)
	p := open(t, watcher(t, elections[0], "--name", "prod", "--sid", "1000"), 1440, 1010) // an id that a server could have
	led := `document.querySelectorAll('.node').length === 3 && document.querySelectorAll('.node[data-established=true]').length === 1 &&
		document.querySelectorAll('.node[data-state=FOLLOWING]').length === 2`
	p.wait("three servers and a leader", led)
	p.wait("it says what it is", `document.getElementById('scope').textContent.startsWith('prod, seen from outside: 3 servers') &&
		document.getElementById('outside').textContent.includes('view from outside') && !document.getElementById('outside').hidden`)
	p.wait("no line and no arrow between servers is drawn", `getComputedStyle(document.querySelector('#graph .lines')).display === 'none' &&
		electnode.model.messages.length === 0`)
	p.wait("the watcher is no server", `electnode.model.lanes.length === 3 && electnode.model.observed.events.length > 0`)
	p.wait("nothing can be asked for", `document.querySelectorAll('#controls button').length === 0`)

	p.marked()

	var leader int
	p.eval(`Number(document.body.dataset.leader)`, &leader)
	servers[leader-1].Kill()
	dead := fmt.Sprintf(`document.querySelector('.node[data-sid="%d"]').dataset.state === 'OUT_OF_SIGHT'`, leader)
	p.wait("the dead one is out of sight, the time without a leader is seen", dead+` && electnode.model.reigns.some((r) => r.leader === null)`)
	p.wait("another leads", fmt.Sprintf(`!['', '%d'].includes(document.body.dataset.leader) && `, leader)+dead)
	p.wait("both others tell of their election", `electnode.spacetime.groups.some((g) => g.epoch !== null && g.kind === 'elected' && g.members.length === 2)`)
	p.eval(`document.querySelector('[data-time=election]').click()`, nil)
	p.shot("watch")
	p.click(fmt.Sprintf(`.node[data-sid="%d"]`, leader))
	p.wait("it says what is known of the dead one", `document.getElementById('controls').textContent.includes('last failure') &&
		!document.getElementById('controls').textContent.includes('null')`)

	var second int
	p.eval(`Number(document.body.dataset.leader)`, &second)
	servers[second-1].Kill()
	p.wait("no leader, and for how long", `document.body.dataset.leader === '' && document.getElementById('leader').textContent === 'No leader' &&
		/^for \d/.test(document.getElementById('clock').textContent) && document.querySelectorAll('.node[data-state=LOOKING]').length === 1`)
	p.wait("it is blind and says so", `!document.getElementById('banner').hidden && document.getElementById('banner').textContent.includes('blind')`)
	p.wait("some seconds without", `/^for ([2-9]|\d\d)(\.\d+)? s$/.test(document.getElementById('clock').textContent)`)
	p.eval(`document.querySelector('[data-time=live]').click()`, nil)
	p.shot("watch-leaderless")
	servers[second-1].Start()
	servers[leader-1].Start()
	p.wait("three servers and a leader again", led)

	servers[0].Signal(syscall.SIGSTOP)
	p.wait("who does not answer is out of sight", `document.querySelector('.node[data-sid="1"]').dataset.state === 'OUT_OF_SIGHT'`)
	servers[0].Signal(syscall.SIGCONT)
	p.wait("and back", `document.querySelector('.node[data-sid="1"]').dataset.state !== 'OUT_OF_SIGHT'`)
}

// marked shows the page two leaders and a stale server, which real servers are hard to talk into, and takes that back.
func (p *tab) marked() {
	p.t.Helper()
	p.eval(`(() => {
		const told = electnode.glanced.bind(electnode);
		electnode.glanced = () => {};
		const answer = structuredClone(electnode.glance);
		Object.assign(answer.watch, { conflicting_leaders: [1, 2] });
		for (const s of answer.watch.servers.slice(0, 2)) Object.assign(s, { state: 'LEADING', vote: { ...s.vote, leader: s.sid } });
		answer.watch.servers[2].stale = true;
		told(answer);
	})()`, nil)
	p.wait("two leaders and a stale server are marked", `document.querySelectorAll('.node.conflict').length === 2 && document.querySelectorAll('.node.stale').length === 1 &&
		!document.getElementById('banner').hidden && document.getElementById('banner').textContent === '2 servers say that they lead: 1 and 2.'`)
	p.shot("watch-marked")
	p.eval(`(() => { delete electnode.glanced; })()`, nil)
	p.wait("and no more", `document.querySelectorAll('.node.conflict, .node.stale').length === 0 && document.getElementById('banner').hidden`)
}

// TestWatchedList shows two ensembles that are not there: a line for each, which leads to its page.
func TestWatchedList(t *testing.T) {
	ports := proc.Ports(t, 2)
	file := filepath.Join(t.TempDir(), "ensembles.yml")
	text := fmt.Sprintf("- name: prod\n  targets: [127.0.0.1:%d]\n- name: lab:1\n  targets: [127.0.0.1:%d]\n", ports[0], ports[1])
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p := open(t, watcher(t, "--ensembles", file), 1440, 700)
	p.wait("two lines", `document.querySelectorAll('#ensembles tbody tr.bad').length === 2 &&
		document.getElementById('summary').textContent === '2 ensembles, 0 with a leader' &&
		document.querySelector('#ensembles tbody').textContent.includes('unknown')`)
	p.shot("watch-list")
	p.click(`[data-name="lab:1"] a`)
	p.wait("the page of one", `location.pathname === '/ensembles/lab:1/' && document.getElementById('scope').textContent.startsWith('lab:1, seen from outside: 0 servers') &&
		document.getElementById('leader').textContent === 'No server has answered yet' && document.body.dataset.stream === 'live' &&
		document.getElementById('banner').textContent.startsWith('The ensemble is unknown')`)
}
