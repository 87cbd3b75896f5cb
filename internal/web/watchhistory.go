package web

import (
	"cmp"
	"slices"
	"strings"

	"electnode/internal/recorder"
)

// watchedHistory is what all servers of some ensembles did, as far as it was seen. The id of an election is that of
// its server's recording behind the server's sid, 3.7; where there are several ensembles also behind the name of
// its own, prod:3.7.
type watchedHistory struct {
	Events
	all []Watched
}

// Elections implements History.
func (h watchedHistory) Elections() []recorder.Summary {
	var list []recorder.Summary
	h.each(func(prefix string, one History) bool {
		for _, sum := range one.Elections() {
			sum.ID = prefix + sum.ID
			list = append(list, sum)
		}
		return true
	})
	slices.SortStableFunc(list, func(a, b recorder.Summary) int {
		return cmp.Or(b.Start.Compare(a.Start), strings.Compare(a.ID, b.ID))
	})
	return list
}

// Election implements History.
func (h watchedHistory) Election(id string) (rec recorder.Recording, ok bool) {
	h.each(func(prefix string, one History) bool {
		if own, mine := strings.CutPrefix(id, prefix); mine {
			rec, ok = one.Election(own)
		}
		rec.Summary.ID = id
		return !ok
	})
	return rec, ok
}

// each calls what for the recordings of every server, with what stands before their ids, while that is true.
func (h watchedHistory) each(what func(prefix string, one History) bool) {
	for _, ensemble := range h.all {
		name := ""
		if len(h.all) > 1 {
			name = ensemble.Name + ":"
		}
		for sid, one := range ensemble.Histories() {
			if !what(name+sid.String()+".", one) {
				return
			}
		}
	}
}
