package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"electnode/internal/recorder"
)

// electionTable writes a line for each election.
func electionTable(out io.Writer, all []recorder.Summary) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "no election was recorded yet")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSID\tSTARTED (UTC)\tWHY\tENDED\tROUNDS\tVOTES\tSENT\tRECEIVED\tFIRST\tQUORUM\tDECIDED\tESTABLISHED\tBAD\tTRACE")
	for _, e := range all {
		bad := "-"
		if len(e.Bad) > 0 {
			bad = strings.Join(e.Bad, ",")
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", plain(e.ID), e.SID,
			e.Start.UTC().Format("2006-01-02 15:04:05.000"), plain(e.Reason), plain(ending(e)), e.Rounds, e.VoteChanges,
			e.Sent, e.Received, short(e.Phases.FirstVoteHeard), short(e.Phases.Quorum), short(e.Phases.Decided),
			short(e.Phases.Established), plain(bad), plain(e.TraceID))
	}
	return w.Flush()
}

// ending says how an election ended, in a few words.
func ending(e recorder.Summary) string {
	elected := strings.TrimSpace(e.Outcome + " " + e.How)
	switch {
	case e.Outcome == "aborted":
		return "aborted"
	case e.Epoch != nil && e.Leader != nil:
		return fmt.Sprintf("%d leads in epoch %s (%s)", *e.Leader, *e.Epoch, elected)
	case e.Leader != nil && e.Running:
		return fmt.Sprintf("%d elected (%s), not established yet", *e.Leader, elected)
	case e.Leader != nil:
		return fmt.Sprintf("%d elected (%s), never established", *e.Leader, elected)
	case e.Running:
		return "looking for " + short(e.Duration)
	default:
		return "no leader"
	}
}
