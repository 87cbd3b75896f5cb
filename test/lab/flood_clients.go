package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The kinds of attack of which the test wants to know what became of them.
const (
	unreadEvents  = "web: events that nobody reads"
	unreadAnswers = "web: answers that nobody reads"
)

// onClients attack the client port and the HTTP port.
func onClients() []attacker {
	return []attacker{
		{name: "client: silent", port: clientPort, many: [floodHosts]int{35, 20, 20, 0}, harms: nothing},
		{name: "client: garbage", port: clientPort, many: [floodHosts]int{2, 2, 0, 0}, harms: babble},
		{name: "client: words", port: clientPort, many: [floodHosts]int{2, 0, 0, 0}, harms: func(_ context.Context, g *grip) {
			g.say([]byte("mntr"))
			g.stayUntilThrownOut()
		}},
		{name: "web: silent", port: webPort, many: [floodHosts]int{262, 140, 140, 0}, harms: nothing},
		{name: "web: garbage", port: webPort, many: [floodHosts]int{2, 2, 0, 0}, harms: babble},
		{name: "web: a header that does not end", port: webPort, many: [floodHosts]int{4, 4, 0, 0},
			harms: func(ctx context.Context, g *grip) {
				g.say([]byte("GET / HTTP/1.1\r\nHost: x\r\n"))
				for ctx.Err() == nil && g.say(fmt.Appendf(nil, "X-%d: y\r\n", g.rand.Uint64())) {
					pause(ctx, 200*time.Millisecond)
				}
			}},
		{name: "web: a header of the largest length", port: webPort, many: [floodHosts]int{20, 0, 0, 0},
			harms: func(_ context.Context, g *grip) {
				g.say([]byte("GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 16<<10-40)))
				g.stayUntilThrownOut()
			}},
		{name: "web: a body that does not end", port: webPort, many: [floodHosts]int{4, 4, 0, 0},
			harms: func(ctx context.Context, g *grip) {
				g.say([]byte("POST /api/v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n"))
				for ctx.Err() == nil && g.say(make([]byte, 512)) {
					pause(ctx, 200*time.Millisecond)
				}
			}},
		{name: "web: large bodies", port: webPort, many: [floodHosts]int{1, 1, 0, 0}, harms: func(_ context.Context, g *grip) {
			g.say([]byte("POST /api/v1/faults HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n"))
			g.say(make([]byte, 1<<20))
			g.stayUntilThrownOut()
		}},
		// Longer than the stream's time to write (10 s), and than that of an answer (30 s).
		{name: unreadEvents, port: webPort, many: [floodHosts]int{20, 20, 0, 4}, hold: 14 * time.Second, slow: true,
			harms: func(ctx context.Context, g *grip) {
				g.say([]byte("GET /api/v1/events?from=kept HTTP/1.1\r\nHost: x\r\n\r\n"))
				if g.status() == http.StatusOK {
					g.stayDeaf(ctx)
				}
			}},
		{name: unreadAnswers, port: webPort, many: [floodHosts]int{0, 0, 0, 4}, hold: 33 * time.Second, slow: true,
			harms: func(ctx context.Context, g *grip) {
				// One answer may fit into the kernel's memory; all together do not.
				g.say([]byte(strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 30)))
				if g.status() == http.StatusOK {
					g.stayDeaf(ctx)
				}
			}},
		{name: "web: scrapes", port: webPort, many: [floodHosts]int{1, 0, 0, 0}, harms: func(ctx context.Context, g *grip) {
			g.say([]byte("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
			g.status()
			g.stayUntilThrownOut()
			pause(ctx, 500*time.Millisecond)
		}},
	}
}

// status reads the code of an answer, and nothing more; 0: there is none.
func (g *grip) status() int {
	var line [len("HTTP/1.1 200")]byte
	if _, err := io.ReadFull(g, line[:]); err != nil {
		return 0
	}
	code, err := strconv.Atoi(string(line[len(line)-3:]))
	if err != nil || code < 0 || code >= len(g.flood.statuses) {
		return 0
	}
	g.flood.statuses[code].Add(1)
	return code
}
