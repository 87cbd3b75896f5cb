package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"electnode/internal/quorum"
	"electnode/internal/watch"
)

// printPlan says what would be sent to whom and how often. Nobody is connected to, and no name is looked up.
func printPlan(out io.Writer, all []watchPlan) error {
	var b strings.Builder
	for i, p := range all {
		plan, err := watch.DryRun(p.options)
		if err != nil {
			return p.problem(err)
		}
		if i > 0 {
			b.WriteString("\n")
		}
		p.print(&b, plan)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// print writes the plan of one ensemble.
func (p watchPlan) print(b *strings.Builder, plan watch.Plan) {
	opt := plan.Options
	fmt.Fprintf(b, "ensemble %s, watched with server id %d\n\nto whom:\n", p.name, opt.SID)
	for _, t := range opt.Targets {
		fmt.Fprintf(b, "  %s\n", t)
	}
	if opt.View != nil {
		for _, m := range opt.View.Members() {
			var addresses []string
			for _, a := range m.Addresses {
				addresses = append(addresses, quorum.JoinHostPort(a.Host, a.ElectionPort))
			}
			fmt.Fprintf(b, "  server %d, %s: %s\n", m.SID, m.Role, strings.Join(addresses, " "))
		}
	}
	b.WriteString("  and every other server that a quorum of these, or their leader, names in its configuration\n")
	if p.tls {
		b.WriteString("  over TLS\n")
	}
	fmt.Fprintf(b, "\nonce on each connection, %d bytes:\n%s", len(plan.Preamble), dump(plan.Preamble))
	fmt.Fprintf(b, "\nthen every %s (a tenth more or less), twice at the start, %d bytes:\n%s",
		opt.Interval, len(plan.Question), dump(plan.Question))
	fmt.Fprintf(b, "\na server gets %.1f questions and %.0f bytes a second at most, on one connection; one that closes it is\n"+
		"dialled again after %s, then after twice that each time, up to %s\n",
		plan.QuestionsPerSecond, plan.BytesPerSecond, plan.FirstRedial, plan.LastRedial)
	if len(plan.Words) > 0 {
		fmt.Fprintf(b, "\nto client ports, as far as the configuration names them, every %s: %s, each on a connection of its own\n",
			plan.WordsEvery, strings.Join(plan.Words, " and "))
	} else {
		b.WriteString("\nto client ports: nothing (--client-port)\n")
	}
}

// dump writes bytes as hexdump -C does.
func dump(raw []byte) string {
	var b strings.Builder
	for line := range strings.Lines(hex.Dump(raw)) {
		b.WriteString("  " + line)
	}
	return b.String()
}
