package sim

import (
	"math/rand/v2"

	"electnode/internal/zab"
)

// disk is a server's data directory. TODO-sim: over durable and crashfs.
type disk struct{ e zab.Epochs }

func newDisk(rng *rand.Rand) *disk { return &disk{} }

func (d *disk) open() (zab.Epochs, error) { return d.e, nil }
func (d *disk) crash()                    {}
func (d *disk) tear()                     {}

func (d *disk) write(p zab.Persist) error {
	if p.File == "acceptedEpoch" {
		d.e.Accepted = p.Epoch
	} else {
		d.e.Current = p.Epoch
	}
	return nil
}
