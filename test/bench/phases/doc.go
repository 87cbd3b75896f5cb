// Package phases says what the time of a fail-over went by: from the kill until another leader was seen to be
// established, cut at what the survivors' own events tell.
//
// It must not know where the events come from. It starts no goroutine.
package phases
