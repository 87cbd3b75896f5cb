package sim

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestAgenda takes what was added in the order of time, and of adding where times are equal, whatever is added
// meanwhile.
func TestAgenda(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type made struct{ at, order int }
		var a agenda
		var waiting []made
		var done made
		order := 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if len(waiting) == 0 || rapid.Bool().Draw(t, "add") {
				order++
				m := made{rapid.IntRange(0, 20).Draw(t, "at"), order}
				waiting = append(waiting, m)
				a.add(time.Unix(0, int64(m.at)), func() { done = m })
				continue
			}
			want := slices.MinFunc(waiting, func(x, y made) int {
				if x.at != y.at {
					return x.at - y.at
				}
				return x.order - y.order
			})
			if at, ok := a.next(); !ok || at != int64(want.at) {
				t.Fatalf("next is due at %d, %t; want %d", at, ok, want.at)
			}
			a.take()()
			if done != want {
				t.Fatalf("took %+v, want %+v", done, want)
			}
			waiting = slices.DeleteFunc(waiting, func(m made) bool { return m == want })
		}
		if _, ok := a.next(); ok != (len(waiting) > 0) {
			t.Fatalf("something left: %t, want %d", ok, len(waiting))
		}
	})
}
