// Package crashfs is a file system in memory that forgets what was not synced: for the simulation, and for
// the tests of what must survive a crash. A crash may keep, lose or tear data that was not synced, and
// keep or lose each change of a directory that was not synced.
//
// It must not know what is stored. It starts no goroutine; an FS is safe for use by many goroutines.
package crashfs
