package metrics

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is when every test begins.
func start() time.Time { return time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC) }

// ensemble is a view with voters 1 to 3 and observer 4.
func ensemble(t testing.TB) *quorum.View { return configured(t, 0) }

func configured(t testing.TB, version quorum.Version) *quorum.View {
	return viewOf(t, version, 1, 2, 3, -4)
}

// viewOf is a configuration of voters and, with negative ids, observers.
func viewOf(t testing.TB, version quorum.Version, sids ...quorum.SID) *quorum.View {
	t.Helper()
	spec := quorum.Spec{Version: version}
	for _, sid := range sids {
		m := quorum.Member{SID: max(sid, -sid), Addresses: []quorum.Address{{Host: fmt.Sprintf("10.0.0.%d", max(sid, -sid)),
			QuorumPort: 2888, ElectionPort: 3888}}}
		if sid < 0 {
			m.Role = quorum.Observer
		}
		spec.Members = append(spec.Members, m)
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// rig is the metrics of server 1 with a clock that the test turns.
type rig struct {
	*Metrics
	now      time.Time
	election uint64
}

func newRig(t testing.TB, change func(*Options)) *rig {
	t.Helper()
	r := &rig{now: start()}
	opt := Options{Self: 1, View: ensemble(t), Build: Build{"1.2.3", "abc", "go1.26"},
		Clock: func() time.Time { return r.now }}
	if change != nil {
		change(&opt)
	}
	r.Metrics = New(opt)
	return r
}

// after lets time pass and then records events.
func (r *rig) after(d time.Duration, events ...event.Event) {
	r.now = r.now.Add(d)
	for _, ev := range events {
		if _, next := ev.(event.ElectionStarted); next {
			r.election++
		}
		r.Record(event.Stamped{Time: r.now, Node: 1, Election: r.election, Event: ev})
	}
}

// text is what a scrape with this Accept header reads.
func (r *rig) text(t testing.TB, accept string) (string, http.Header) {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	req.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, req)
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String(), w.Header()
}

// value is the value of one series, named as in the text.
func (r *rig) value(t testing.TB, series string) string {
	t.Helper()
	text, _ := r.text(t, "text/plain")
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	t.Fatalf("no series %s", series)
	return ""
}

func (r *rig) want(t testing.TB, series, want string) {
	t.Helper()
	if got := r.value(t, series); got != want {
		t.Errorf("%s is %s, want %s", series, got, want)
	}
}

// TestEveryEventIsNamed feeds every event there is; one that the switches do not name fails.
func TestEveryEventIsNamed(t *testing.T) {
	r := newRig(t, nil)
	for _, ev := range event.All() {
		if !r.enter(event.Stamped{Time: r.now, Node: 1, Event: ev}) {
			t.Errorf("no switch names %s", ev.Name())
		}
		r.after(0, ev)
		r.want(t, fmt.Sprintf("electnode_events_total{event=%q}", ev.Name()), "1")
	}
	r.Record(event.Stamped{})
}

func TestLint(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Runtime = true })
	problems, err := testutil.GatherAndLint(r.Registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "electnode_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	if n, err := testutil.GatherAndCount(r.Registry(), "go_goroutines", "process_start_time_seconds"); err != nil || n != 2 {
		t.Errorf("%d series of the runtime, %v", n, err)
	}
}

// TestStrangersMakeNoSeries: whatever sids and words come, the number of series stays.
func TestStrangersMakeNoSeries(t *testing.T) {
	r := newRig(t, nil)
	before, err := testutil.GatherAndCount(r.Registry())
	if err != nil {
		t.Fatal(err)
	}
	for sid := quorum.SID(100); sid < 400; sid++ {
		word := sid.String()
		r.after(time.Millisecond, &event.NotificationSent{Peer: sid, Cause: event.SendReplyNonVoter},
			&event.NotificationReceived{Peer: sid, Outcome: event.ReceivedFromNonVoter, SentAt: r.now},
			event.NotificationReplaced{Peer: sid}, event.ConnectionUp{Peer: sid},
			event.ConnectionAttempt{Peer: sid, Result: word}, event.ConnectionTieBreak{Peer: sid},
			event.PeerResolved{Peer: sid}, event.HeartbeatAnswered{Peer: sid}, event.HeartbeatMissed{Peer: sid},
			event.FollowerJoined{Peer: sid}, event.EventsDropped{Sink: word, Count: 2})
	}
	after, err := testutil.GatherAndCount(r.Registry())
	if err != nil || after != before {
		t.Errorf("%d series became %d, %v", before, after, err)
	}
	r.want(t, `electnode_notifications_sent_total{cause="reply_nonvoter",peer="unknown"}`, "300")
	r.want(t, `electnode_peer_connected{peer="unknown"}`, "300")
	r.want(t, `electnode_unknown_words_total`, "600")
	r.want(t, `electnode_events_dropped_total{sink="other"}`, "600")
	r.after(0, event.ConnectionDown{Peer: 100, Reason: event.DropEvicted})
	r.want(t, `electnode_peer_connected{peer="unknown"}`, "299")
}

// TestPeersAreBounded: views that come one after another do not make series without end.
func TestPeersAreBounded(t *testing.T) {
	r := newRig(t, nil)
	for sid := quorum.SID(10); sid < 500; sid += 10 {
		var spec quorum.Spec
		for i := range quorum.SID(10) {
			spec.Members = append(spec.Members, quorum.Member{SID: sid + i, Addresses: []quorum.Address{
				{Host: "h", QuorumPort: 2888, ElectionPort: 3888}}})
		}
		view, err := quorum.NewView(spec)
		if err != nil {
			t.Fatal(err)
		}
		r.after(0, event.NodeStarted{View: view})
	}
	n, err := testutil.GatherAndCount(r.Registry(), "electnode_notifications_replaced_total")
	if err != nil || n != maxPeers+1 {
		t.Errorf("%d peers have series, %v", n, err)
	}
	n, err = testutil.GatherAndCount(r.Registry(), "electnode_peer_connected")
	if err != nil || n != 1 {
		t.Errorf("%d links with former members are shown, %v", n, err)
	}
}

// TestLinksOfNewAndFormerMembers: a link counts for whom it is with by the configuration in force, whenever it began.
func TestLinksOfNewAndFormerMembers(t *testing.T) {
	r := newRig(t, nil)
	show := func(what string, want ...string) {
		t.Helper()
		text, _ := r.text(t, "text/plain")
		for _, sid := range []string{"4", "9", "unknown"} {
			got := "none"
			if _, rest, ok := strings.Cut(text, `electnode_peer_connected{peer="`+sid+`"} `); ok {
				got, _, _ = strings.Cut(rest, "\n")
			}
			if got != want[0] {
				t.Errorf("%s: %s has %s, want %s", what, sid, got, want[0])
			}
			want = want[1:]
		}
	}
	r.after(0, event.NodeStarted{View: viewOf(t, 0, 1, 2, 3, 4)}, event.ConnectionUp{Peer: 9}, event.ConnectionUp{Peer: 4})
	show("a stranger", "1", "none", "1")
	r.after(1, event.ConfigSeen{Peer: 2, Adopted: true, View: viewOf(t, 0, 1, 2, 3, 9)})
	show("it became a member, and 4 is none any more", "1", "1", "0")
	r.after(1, event.ConnectionDown{Peer: 9, Reason: event.DropClosed}, event.ConnectionDown{Peer: 4, Reason: event.DropClosed})
	show("both are gone", "none", "0", "0")
	r.after(1, event.ConnectionUp{Peer: 4})
	show("the former member is back", "1", "0", "0")
}

// TestObserversHaveNoLink: observers send one another nothing, and a link that is never there is none that is missing.
func TestObserversHaveNoLink(t *testing.T) {
	for self, want := range map[quorum.SID]int{1: 4, 4: 3} { // and unknown
		r := newRig(t, func(o *Options) { o.Self, o.View = self, viewOf(t, 0, 1, 2, -4, -5) })
		n, err := testutil.GatherAndCount(r.Registry(), "electnode_peer_connected")
		if err != nil || n != want {
			t.Errorf("server %d: %d links, want %d, %v", self, n, want, err)
		}
	}
}

// TestPossibleTolerance is that of the configuration, whoever is there.
func TestPossibleTolerance(t *testing.T) {
	r := newRig(t, func(o *Options) { o.View = viewOf(t, 0, 1, 2) })
	r.want(t, "electnode_failure_tolerance_possible", "0")
	r.after(0, event.ConfigSeen{Peer: 2, Adopted: true, View: viewOf(t, 0, 1, 2, 3, 4, 5, -6)})
	r.want(t, "electnode_failure_tolerance_possible", "2")
}

func TestLatency(t *testing.T) {
	r := newRig(t, nil)
	said := func(at time.Time) event.Event {
		return &event.NotificationReceived{Peer: 2, Outcome: event.ReceivedCounted, SentAt: at}
	}
	r.after(0, said(r.now.Add(-2*time.Millisecond)), said(time.Time{}), said(r.now.Add(time.Nanosecond)),
		said(r.now.Add(-time.Hour)), said(time.Unix(0, -1<<63)), said(r.now))
	r.want(t, `electnode_notification_latency_seconds_count{peer="2"}`, "2")
	r.want(t, `electnode_notification_latency_seconds_sum{peer="2"}`, "0.002")
	r.want(t, `electnode_notification_latency_dropped_total{peer="2"}`, "3")
}

// TestAllAtOnce is for the race detector.
func TestAllAtOnce(t *testing.T) {
	r := newRig(t, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				for _, ev := range event.All() {
					r.Record(event.Stamped{Time: start(), Node: 1, Event: ev})
				}
				if _, err := r.Registry().Gather(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r.want(t, `electnode_events_total{event="LeaderLost"}`, "200")
}

// TestTwoNodesInOneProcess: nothing is shared.
func TestTwoNodesInOneProcess(t *testing.T) {
	a, b := newRig(t, nil), newRig(t, nil)
	a.after(0, event.NotificationReplaced{Peer: 2})
	b.want(t, `electnode_notifications_replaced_total{peer="2"}`, "0")
	var _ prometheus.Gatherer = b.Registry()
}

// TestCertificate: the end that is shown is that of the certificate in force, and 0 when there is none any more.
func TestCertificate(t *testing.T) {
	r := newRig(t, nil)
	r.after(0, event.CertificateRenewed{Start: true, OK: true, NotAfter: time.Unix(1e9, 0)})
	r.want(t, "electnode_tls_certificate_expiry_timestamp_seconds", "1e+09")
	r.want(t, `electnode_tls_reloads_total{result="ok"}`, "0")
	r.after(0, event.CertificateRenewed{OK: true})
	r.want(t, "electnode_tls_certificate_expiry_timestamp_seconds", "0")
	r.want(t, `electnode_tls_reloads_total{result="ok"}`, "1")
}
