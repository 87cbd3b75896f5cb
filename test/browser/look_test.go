package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// dark makes the browser one of somebody who prefers that.
func dark() chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}})
}

// TestLook makes the pictures that people look at: light and dark, 3 and 7 servers, a phone. What a machine can tell
// of them is held: nothing is wider than the window, and the words beside the marks do not overlap.
func TestLook(t *testing.T) {
	for _, look := range []struct {
		name          string
		nodes         int
		width, height int64
		setup         []chromedp.Action
	}{
		{"three-light", 3, 1440, 1010, nil},
		{"three-dark", 3, 1440, 1010, []chromedp.Action{dark()}},
		{"seven-light", 7, 1600, 1200, nil},
		{"seven-dark", 7, 1600, 1200, []chromedp.Action{dark()}},
		{"phone-light", 3, 390, 844, nil},
		{"phone-dark", 3, 390, 844, []chromedp.Action{dark()}},
	} {
		t.Run(look.name, func(t *testing.T) {
			p := open(t, demo(t, "--nodes", fmt.Sprint(look.nodes)), look.width, look.height, look.setup...)
			p.settled(look.nodes)
			p.killLeader()
			p.wait("the election is over", p.over(look.nodes-1))
			phone := look.width < 600
			if phone {
				p.shot(look.name + "-now")
				p.click(`nav [data-tab=spacetime]`)
			}
			p.wait("the canvas is as wide as its place", `document.getElementById('canvas').getBoundingClientRect().width > 300 &&
				Math.abs(document.getElementById('canvas').width - document.querySelector('.canvas').clientWidth * devicePixelRatio) < 2`)
			p.chooseTheVote()
			if look.nodes == 3 {
				p.click(`[data-time=vote]`)
			}
			p.shot(look.name)
			if phone {
				p.click(`nav [data-tab=elections]`)
				p.shot(look.name + "-elections")
			}
			var wider string
			p.eval(`[...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll, pre, svg, [hidden], .away, .skip') &&
				e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.tagName + '#' + e.id + '.' + e.className).join(' ')`, &wider)
			if wider != "" {
				t.Errorf("wider than the window: %s", wider)
			}
		})
	}
}

// chooseTheVote chooses the message that changed a vote in the newest election.
func (p *tab) chooseTheVote() {
	p.t.Helper()
	p.eval(`(async () => {
		const vote = electnode.model.events.findLast((e) => e.name === 'NotificationReceived' && e.raw.outcome === 'better_vote');
		electnode.spacetime.select({ message: vote.message, event: vote });
		await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
	})()`, nil)
}
