//go:build !linux

package durable

import (
	"errors"
	"os"
)

func syncData(f *os.File) error { return f.Sync() }

func exchange(string, string) error { return errors.ErrUnsupported }
