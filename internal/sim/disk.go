package sim

import (
	"math/rand/v2"

	"electnode/internal/durable"
	"electnode/internal/durable/crashfs"
	"electnode/internal/zab"
)

// disk is a server's data directory: the real store over a file system that forgets what was not synced.
type disk struct {
	rng   *rand.Rand
	fs    *crashfs.FS
	store *durable.Store
}

// A durable write takes this many changes of the file system, about; a torn one ends before one of them.
const writeSteps = 6

func newDisk(rng *rand.Rand) *disk { return &disk{rng: rng, fs: crashfs.New()} }

func (d *disk) open() (zab.Epochs, error) {
	store, e, err := durable.Open(d.fs, "/data", "")
	d.store = store
	return zab.Epochs{Accepted: e.Accepted, Current: e.Current}, err
}

// crash ends the process, in half of the cases with the machine.
func (d *disk) crash() {
	if d.rng.IntN(2) == 0 {
		d.fs.Kill()
		return
	}
	d.fs.Crash(d.rng)
}

// tear makes a write to come stop somewhere on the way, or just after its end.
func (d *disk) tear() { d.fs.StopAfter(d.rng.IntN(writeSteps)) }

func (d *disk) write(p zab.Persist) error {
	if p.File == zab.FileAccepted {
		return d.store.WriteAccepted(p.Epoch)
	}
	return d.store.WriteCurrent(p.Epoch)
}
