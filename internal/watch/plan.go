package watch

import "time"

// Plan is what a watcher would do, without doing any of it: for a dry run.
type Plan struct {
	Options  Options // with the defaults filled in
	Preamble []byte  // said once on each connection
	Question []byte  // the only thing that follows, again and again

	// The most that one server gets.
	QuestionsPerSecond float64 // while connected; a fresh connection has one more
	BytesPerSecond     float64 // of QuestionsPerSecond, without the network's own headers
	// FirstRedial and LastRedial bound the wait before a connection that a server closed is made again; it
	// doubles from one vain connection to the next.
	FirstRedial, LastRedial time.Duration

	// Words are said to the client port of each server that answers, each on a connection of its own, every
	// WordsEvery; none without Options.Enrich.
	Words      []string
	WordsEvery time.Duration
}

// DryRun says what New and Run with the same options would send. It connects to nothing.
func DryRun(opt Options) (Plan, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return Plan{}, err
	}
	hello, err := preamble(opt.SID)
	if err != nil {
		return Plan{}, err
	}
	perSecond := 1 / (opt.Interval.Seconds() * (1 - opt.Jitter))
	plan := Plan{Options: opt, Preamble: hello, Question: []byte(question), QuestionsPerSecond: perSecond,
		BytesPerSecond: perSecond * float64(len(question)), FirstRedial: redialFirst, LastRedial: redialLast}
	if opt.Enrich {
		plan.Words, plan.WordsEvery = []string{string(wordServer), string(wordMonitor)}, wordsEvery
	}
	return plan, nil
}
