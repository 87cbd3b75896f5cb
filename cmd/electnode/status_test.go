package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestStatusOfAnEnsemble: a URL that answers for several servers gives a line for each.
func TestStatusOfAnEnsemble(t *testing.T) {
	const node = `{"sid":1,"state":"LEADING","leader":1,"established":true,"current_epoch":"2","round":"1","peers":[]}`
	body := `[{"sid":1,"status":` + node + `},{"sid":2,"error":"the node does not run"}]`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	defer s.Close()
	defer http.DefaultClient.CloseIdleConnections()
	code, out, errs := executed("status", s.URL)
	if code != exitDiffer || !strings.Contains(out, "LEADING") || !strings.Contains(out, "/nodes/2: the node does not run") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	body = `[{"sid":1,"status":` + node + `}]`
	if code, out, errs = executed("status", s.URL+"/"); code != 0 {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	body = "<html>"
	if code, out, _ = executed("status", s.URL); code != exitFailed || !strings.Contains(out, "this is no electnode") {
		t.Errorf("exit %d, %s", code, out)
	}
}

// at is when the tables of these tests are shown.
var at = time.Date(2026, 11, 23, 0, 4, 8, 0, time.UTC)

// shown is the table that is made of such statuses; of "" of a server that does not answer.
func shown(t *testing.T, bodies ...string) string {
	t.Helper()
	var text strings.Builder
	if err := table(&text, heard(t, bodies...), at); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func heard(t *testing.T, bodies ...string) (all []answer) {
	t.Helper()
	for _, body := range bodies {
		if body == "" {
			all = append(all, answer{URL: "http://x", Error: "refused"})
			continue
		}
		more, err := answersIn([]byte(body), "http://x")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, more...)
	}
	return all
}

// follower and leader are statuses of servers under an established leader.
func follower(sid, leader, epoch int) string {
	return fmt.Sprintf(`{"sid":%d,"state":"FOLLOWING","leader":%d,"established":true,"current_epoch":"%d",
		"since":"2026-11-23T00:04:01.5Z","established_since":"2026-11-23T00:04:01.5Z"}`, sid, leader, epoch)
}

func leader(sid, epoch, tolerance int, since string) string {
	return fmt.Sprintf(`{"sid":%d,"state":"LEADING","leader":%[1]d,"established":true,"current_epoch":"%d",
		"failure_tolerance":%d,"since":"%s","established_since":"%[4]s"}`, sid, epoch, tolerance, since)
}

// TestOutlook: the sentence below the table.
func TestOutlook(t *testing.T) {
	const early, late = "2026-11-23T00:04:01Z", "2026-11-23T00:04:10.5Z"
	const three = "server 3 leads in epoch 10 since 2026-11-23 00:04:01 UTC (7s); one more voter may be lost"
	looking := `{"sid":1,"state":"LOOKING","since":"` + early + `"}`
	for _, c := range []struct {
		name   string
		bodies []string
		want   string
	}{
		{"a leader", []string{follower(1, 3, 10), leader(3, 10, 1, early)}, three},
		{"nobody", []string{looking, ""}, "no established leader among the nodes asked"},
		{"a follower alone", []string{follower(1, 3, 1)},
			"server 3 leads in epoch 1, says server 1; ask server 3 how many voters may be lost"},
		{"followers, one of them late", []string{follower(1, 2, 9), looking, follower(4, 3, 10), ""},
			"server 3 leads in epoch 10, says server 4; ask server 3 how many voters may be lost"},
		{"an old leader", []string{leader(1, 9, 0, early), leader(3, 10, 1, early)}, three + "\n2 servers say that they lead: 3 in epoch 10, 1 in epoch 9"},
		{"an old leader, the new one not asked", []string{leader(1, 9, 0, early), follower(2, 3, 10)},
			"server 3 leads in epoch 10, says server 2; ask server 3 how many voters may be lost\nserver 1 says that it leads in epoch 9"},
		{"one leader, asked twice", []string{leader(3, 10, 1, early), leader(3, 10, 1, early)}, three},
		{"a clock ahead of this one", []string{leader(3, 10, 2, late)},
			"server 3 leads in epoch 10 since 2026-11-23 00:04:10 UTC (0s); 2 more voters may be lost"},
		{"a clock elsewhere", []string{leader(3, 10, 1, "2026-11-23T02:04:01+02:00")}, three},
	} {
		out := shown(t, c.bodies...)
		if _, got, _ := strings.Cut(out, "\n\n"); got != c.want+"\n" {
			t.Errorf("%s: got\n%swant\n%s", c.name, got, c.want)
		}
	}
}

// TestStatusTimes: the column is UTC, and has the date of what began on another day.
func TestStatusTimes(t *testing.T) {
	out := shown(t, leader(1, 1, 1, "2026-11-23T00:04:01.5Z"), leader(1, 1, 1, "2026-11-23T01:59:59.5+02:00"), `{"sid":1,"state":"LOOKING"}`)
	lines := strings.Split(out, "\n")
	i := strings.Index(lines[0], "SINCE (UTC)")
	if i < 0 {
		t.Fatal(out)
	}
	for n, want := range []string{"00:04:01.500  ", "2026-11-22 23:59:59.500  ", "-  "} {
		if line := lines[n+1]; !strings.HasPrefix(line[i:], want) {
			t.Errorf("no %q in its place in %q", want, line)
		}
	}
}

// TestStatusWatch: the clock below the table says of which zone it is.
func TestStatusWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out strings.Builder
	err := watchStatus(ctx, writerFunc(func(b []byte) (int, error) {
		if out.Len() > len(clearScreen) {
			cancel()
		}
		return out.Write(b)
	}), []string{"http://127.0.0.1:1"}, statusFlags{})
	if err != nil || !regexp.MustCompile(`\n\n\d\d:\d\d:\d\d UTC`).MatchString(strings.ReplaceAll(out.String(), clearToEnd, "")) {
		t.Errorf("%v, %q", err, out.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestVerdictTells how many are silent, and that some do not agree only when that is so.
func TestVerdictTells(t *testing.T) {
	for _, c := range []struct {
		bodies []string
		want   string
	}{
		{[]string{follower(1, 3, 1), "", follower(3, 3, 1)}, "1 of 3 did not answer"},
		{[]string{"", "", follower(3, 3, 1)}, "2 of 3 did not answer"},
		{[]string{follower(1, 3, 1), follower(2, 2, 2)}, "the nodes asked do not agree on one established leader"},
		{[]string{follower(1, 3, 1), follower(2, 2, 2), ""}, "the nodes asked do not agree on one established leader; 1 of 3 did not answer"},
	} {
		err := verdict(heard(t, c.bodies...))
		var exit *exitError
		if !errors.As(err, &exit) || exit.code != exitDiffer || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
