package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"electnode/internal/web"
)

// outlook says in a sentence how the ensemble stands, as its established leader, or a watcher, sees it; without them, whom
// a follower names. Of several leaders, the one of the highest epoch is right: the others are old ones that are cut off.
func outlook(all []answer, now time.Time) string {
	named := claims(all)
	if len(named) == 0 {
		return "\nno established leader among the nodes asked\n"
	}
	first := named[0]
	text := fmt.Sprintf("\nserver %d leads in epoch %s, says server %d; ask server %[1]d how many voters may be lost\n",
		*first.Status.Leader, plain(first.Status.CurrentEpoch), first.Status.SID)
	if first.leads() {
		text = "\n" + first.tells(now) + "\n"
	}
	var says []string
	leaders := slices.DeleteFunc(named, func(a answer) bool { return !a.leads() })
	for i, a := range leaders {
		if !slices.ContainsFunc(leaders[:i], func(b answer) bool { return b.Status.SID == a.Status.SID }) {
			says = append(says, fmt.Sprintf("%d in epoch %s", a.Status.SID, plain(a.Status.CurrentEpoch)))
		}
	}
	switch {
	case len(says) > 1:
		text += fmt.Sprintf("%d servers say that they lead: %s\n", len(says), strings.Join(says, ", "))
	case len(says) == 1 && !first.leads():
		text += fmt.Sprintf("server %d says that it leads in epoch %s\n", leaders[0].Status.SID, plain(leaders[0].Status.CurrentEpoch))
	}
	return text
}

// claims lists the answers that name an established leader, the highest epoch first, and in it the leader's own.
func claims(all []answer) []answer {
	var some []answer
	for _, a := range all {
		if s := a.Status; s != nil && s.Established && s.Leader != nil && (a.leads() || *s.Leader != s.SID) {
			some = append(some, a)
		}
	}
	own := func(a answer) int {
		if a.leads() {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(some, func(a, b answer) int {
		return cmp.Or(cmp.Compare(epochOf(b.Status), epochOf(a.Status)), cmp.Compare(own(a), own(b)))
	})
	return some
}

// epochOf is the epoch of an answer as a number; one that is none is below all.
func epochOf(s *web.Status) int64 {
	n, err := strconv.ParseInt(s.CurrentEpoch, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// leads reports whether an answer is that of an established leader, or of a watcher on it.
func (a answer) leads() bool {
	return a.Status.FailureTolerance != nil && a.Status.EstablishedSince != nil
}

// tells is what an established leader has to say.
func (a answer) tells(now time.Time) string {
	s := a.Status
	what := fmt.Sprintf("%d more voters may be lost", *s.FailureTolerance)
	switch *s.FailureTolerance {
	case 0:
		what = "ONE MORE LOSS ENDS THE QUORUM"
	case 1:
		what = "one more voter may be lost"
	}
	seen := ""
	if a.Watched != nil {
		seen = ", seen from outside"
	}
	age := max(0, now.Sub(*s.EstablishedSince)).Round(time.Second) // its clock may be ahead of this one
	return fmt.Sprintf("server %d leads in epoch %s since %s UTC (%s)%s; %s", s.SID, plain(s.CurrentEpoch),
		s.EstablishedSince.UTC().Format("2006-01-02 15:04:05"), age, seen, what)
}

// clock is a time of a table, in UTC: with the date only where that is not the one of now.
func clock(t, now time.Time) string {
	t = t.UTC()
	switch {
	case t.IsZero():
		return "-"
	case t.Format(time.DateOnly) == now.UTC().Format(time.DateOnly):
		return t.Format("15:04:05.000")
	}
	return t.Format("2006-01-02 15:04:05.000")
}
