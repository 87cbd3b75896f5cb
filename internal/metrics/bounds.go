package metrics

// The bounds of the classic buckets, in seconds. Native histograms need none; these are for those who
// scrape text.

// electionBounds are for elections and their parts. A decision with everybody there takes one or two round
// trips: 1 to 10 ms in a data centre, 25 to 100 between them. Waiting for better votes adds 200 ms, so 0.25
// is where such elections pile up and 0.5 where a repeated vote was needed; from there repetitions double
// (1, 2, ...). 20 is the usual initLimit, within which an epoch is established or not, 60 the longest wait.
func electionBounds() []float64 {
	return []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60}
}

// networkBounds are for one message, one heartbeat or one hand-shake: 0.1 ms is the loopback, 0.25 to 1 a
// rack, up to 10 a region, 50 to 250 an ocean. Above a second somebody was stopped or a packet was lost; 5
// is the time-out of hand-shakes, 10 the usual syncLimit.
func networkBounds() []float64 {
	return []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 10}
}

// diskBounds are for a write with fsync and rename: 0.1 to 1 ms with a protected cache, up to 10 on flash,
// up to 50 on a turning disk; 0.25 and more is a disk that others keep busy, and 1 and more delays elections
// noticeably.
func diskBounds() []float64 {
	return []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5}
}

// probeBounds are for one question to a watched server and its answer: 0.2 ms is the loopback, 0.5 to 1 a rack,
// up to 10 a region, 50 to 200 an ocean or a pause of its garbage collector; a second is where a watcher gives up.
func probeBounds() []float64 {
	return []float64{0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1}
}
