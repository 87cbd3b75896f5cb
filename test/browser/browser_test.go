package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"electnode/test/proc"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds every wait; what is waited for takes milliseconds on an idle machine.
const patience = 30 * time.Second

// tab is one page of a browser of its own. Its methods belong to the test's goroutine.
type tab struct {
	t      testing.TB
	ctx    context.Context
	origin string // the only one that may be asked
	before int    // the epoch when killLeader was called

	mu      sync.Mutex
	bad     []string // what must not happen
	allowed []string // parts of console messages that a test causes on purpose
}

// open starts Chromium with an empty profile and loads a page of base.
func open(t testing.TB, base string, width, height int64, setup ...chromedp.Action) *tab {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		missing := "chromium is missing (make setup installs it)"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(program), chromedp.NoFirstRun, chromedp.NoSandbox,
		chromedp.Headless, chromedp.DisableGPU, chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.WSURLReadTimeout(patience)}
	alloc, endBrowser := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, endTab := chromedp.NewContext(alloc, chromedp.WithErrorf(t.Logf)) // it complains of what Chromium has new
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	p := &tab{t: t, ctx: ctx, origin: u.Scheme + "://" + u.Host}
	t.Cleanup(func() {
		if t.Failed() {
			p.shot("failed-" + strings.ReplaceAll(t.Name(), "/", "-"))
		}
		// Waits until the browser is gone; its profile, a directory of its own, goes with it.
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("the end of the browser: %v", err)
		}
		endTab()
		endBrowser()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, what := range p.bad {
			t.Error(what)
		}
	})
	chromedp.ListenTarget(ctx, p.listen)
	first := append([]chromedp.Action{network.Enable(), log.Enable(), runtime.Enable(),
		emulation.SetDeviceMetricsOverride(width, height, 1, width < 600)}, setup...)
	p.run(append(first, chromedp.Navigate(base))...)
	return p
}

// listen notes errors in the console and requests to others.
func (p *tab) listen(ev any) {
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.APITypeError || ev.Type == runtime.APITypeWarning {
			p.note("the console says: " + fmt.Sprint(values(ev.Args)))
		}
	case *runtime.EventExceptionThrown:
		p.note("the page threw: " + ev.ExceptionDetails.Error())
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.LevelError || ev.Entry.Level == log.LevelWarning {
			p.note("the log says: " + ev.Entry.Text + " " + ev.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(ev.Request.URL)
		if err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Scheme+"://"+u.Host != p.origin {
			p.note("a request left the origin: " + ev.Request.URL)
		}
	}
}

func values(args []*runtime.RemoteObject) []string {
	var all []string
	for _, a := range args {
		all = append(all, string(a.Value)+a.Description)
	}
	return all
}

func (p *tab) note(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, part := range p.allowed {
		if strings.Contains(what, part) {
			return
		}
	}
	p.bad = append(p.bad, what)
}

// allow makes console messages with this part no failure from now on.
func (p *tab) allow(part string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allowed = append(p.allowed, part)
}

func (p *tab) run(actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 2*patience)
	// chromedp ties a browser to the context of its first run: that one must be the tab's own.
	if chromedp.FromContext(p.ctx).Browser == nil {
		cancel()
		ctx, cancel = p.ctx, func() {}
	}
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// eval evaluates an expression and gives its value in out.
func (p *tab) eval(expression string, out any) {
	p.t.Helper()
	p.run(chromedp.Evaluate(expression, out, func(e *runtime.EvaluateParams) *runtime.EvaluateParams {
		return e.WithAwaitPromise(true)
	}))
}

// wait waits until an expression is true.
func (p *tab) wait(what, expression string) {
	p.t.Helper()
	proc.Eventually(p.t, patience, what, func() error {
		var ok bool
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		if err := chromedp.Run(ctx, chromedp.Evaluate("Boolean("+expression+")", &ok)); err != nil {
			return err
		}
		if !ok {
			return errors.New(expression)
		}
		return nil
	})
}

func (p *tab) click(selector string) {
	p.t.Helper()
	p.run(chromedp.Click(selector, chromedp.ByQuery))
}

// shot keeps a picture of what is on the screen, if a directory for it was given.
func (p *tab) shot(name string) {
	var png []byte
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	err := chromedp.Run(ctx, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		png, err = page.CaptureScreenshot().Do(ctx)
		return err
	}))
	if err != nil {
		p.t.Errorf("screenshot %s: %v", name, err)
		return
	}
	if *shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644); err != nil {
		p.t.Error(err)
	}
}

// demo starts an ensemble in a process of its own and gives its address.
func demo(t testing.TB, args ...string) string {
	t.Helper()
	return start(t, "demo", append([]string{"demo", "--web.listen-address", "127.0.0.1:0"}, args...)...)
}

// start starts a command that prints its address, and gives that.
func start(t testing.TB, name string, args ...string) string {
	t.Helper()
	p := proc.New(t, name, filepath.Join(t.TempDir(), "log"))
	p.Start(command(args...))
	address := regexp.MustCompile(`look at (http://[^/\s]+)/`)
	var base string
	proc.Eventually(t, patience, name+" prints its address", func() error {
		if m := address.FindStringSubmatch(p.Log()); m != nil {
			base = m[1]
			return nil
		}
		return errors.New(p.Log())
	})
	return base
}

// settled waits until the page shows as many servers that follow one established leader.
func (p *tab) settled(servers int) {
	p.t.Helper()
	p.wait(fmt.Sprintf("%d servers and a leader", servers), fmt.Sprintf(`document.body.dataset.leader !== '' &&
		document.querySelectorAll('.node').length === %d && document.querySelectorAll('.node[data-established=true]').length === 1 &&
		[...document.querySelectorAll('.node')].every((n) => ['LEADING', 'FOLLOWING', 'OBSERVING'].includes(n.dataset.state))`, servers))
}

func command(args ...string) *exec.Cmd { return exec.Command(electnode, args...) }
