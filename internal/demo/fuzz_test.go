package demo

import (
	"slices"
	"strings"
	"testing"
)

// FuzzScript: every line of a script is an action with all that its verb needs, in the order of time, or is named with its number.
func FuzzScript(f *testing.F) {
	f.Add("at 1s kill leader\nat 500ms partition 1,2 | 3\n# nothing\n\nat 2s zxid 2 0x500000001\nat 3s heal")
	f.Add("at 1s cut 1 2\nat -1s kill 1\nkill\nat 1h\nat 1s heal now")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ParseScript(strings.NewReader(text), "name")
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "name:") {
					t.Errorf("%q", line)
				}
			}
			return
		}
		if !slices.IsSortedFunc(all, func(a, b Action) int { return int(a.At - b.At) }) {
			t.Errorf("%+v", all)
		}
		for _, a := range all {
			again, err := ParseFault(strings.Join(strings.Fields(a.Text)[2:], " "))
			if err != nil || again.Verb != a.Verb || len(again.Targets) != len(a.Targets) || a.At < 0 {
				t.Errorf("%+v became %+v, %v", a, again, err)
			}
			sides := a.Verb == Partition || a.Verb == Heal
			if sides != (len(a.Targets) == 0) || (a.Verb == Partition) != (len(a.Sides) > 0) {
				t.Errorf("%+v", a)
			}
		}
	})
}
