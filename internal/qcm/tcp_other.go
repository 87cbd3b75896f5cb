//go:build !linux

package qcm

import "syscall"

// control does nothing: AckTimeout is Linux's.
func (TCP) control(_, _ string, _ syscall.RawConn) error { return nil }
