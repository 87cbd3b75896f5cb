package quorum

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// EnsembleID names the ensemble that a view is of: the same on every member with the same voters at the
// same addresses, whatever the version, the observers or the client ports. 16 hex digits.
func (v *View) EnsembleID() string {
	h := sha256.New()
	for _, sid := range v.voters {
		m, _ := v.Member(sid)
		// Writing to a hash does not fail.
		_, _ = fmt.Fprintf(h, "%d%v;", sid, m.Addresses)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
