package tracing

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"electnode/internal/quorum"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// view is an ensemble of so many voters and observers, with sids from 1.
func view(t testing.TB, voters, observers int) *quorum.View {
	t.Helper()
	var spec quorum.Spec
	for i := 1; i <= voters+observers; i++ {
		m := quorum.Member{SID: quorum.SID(i), Addresses: []quorum.Address{{Host: fmt.Sprintf("10.0.0.%d", i),
			QuorumPort: 2888, ElectionPort: 3888}}}
		if i > voters {
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

// fixed is a source of ids that gives the same ones each time.
func fixed(seed uint64) func() uint64 { return rand.New(rand.NewPCG(seed, 1)).Uint64 }
