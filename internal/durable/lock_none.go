//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package durable

import "os"

// lockFile does nothing: this system has no flock. Two nodes in one directory go unnoticed here.
func lockFile(*os.File) error { return nil }
