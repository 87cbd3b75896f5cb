// Package demo is an ensemble in one process, over loopback TCP with a temporary directory of its own,
// and the faults that one can ask of it: kill, restart, pause, isolate, cut, heal, raise a zxid.
//
// It must not know how anything is elected or shown. An Ensemble owns its nodes, ended by Close.
package demo
