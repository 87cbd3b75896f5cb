// Package sample is what the benchmarks write down and the report reads: on what machine, and sets of measured
// values, as JSON lines. A file may hold several runs; sets of the same thing are one.
//
// It must not know how anything is measured or shown.
package sample
