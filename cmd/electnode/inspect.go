package main

import (
	"encoding/json"
	"fmt"

	"electnode/internal/durable"

	"github.com/spf13/cobra"
)

func inspectCommand() *cobra.Command {
	var asJSON bool
	var logDir string
	cmd := &cobra.Command{
		Use: "inspect DATADIR", Short: "Say what a ZooKeeper or electnode data directory tells",
		Long: "Say what the data directory of a ZooKeeper server or of an electnode tells: both epochs, the newest\n" +
			"snapshot, the last complete transaction, the vote that its server would cast, and what is wrong with\n" +
			"it. It only reads. Exit status 0 when nothing is wrong, 3 when something is, 1 when the directory\n" +
			"cannot be read.",
		Example: "  electnode inspect /var/lib/zookeeper\n  electnode inspect --log-dir /var/log/zookeeper --json /var/lib/zookeeper",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := durable.Inspect(args[0], logDir)
			if err != nil {
				return failed(err)
			}
			out := cmd.OutOrStdout()
			if asJSON {
				enc := json.NewEncoder(out)
				enc.SetEscapeHTML(false)
				enc.SetIndent("", "  ")
				err = enc.Encode(report)
			} else {
				err = report.WriteText(out)
			}
			if err != nil {
				return failed(err)
			}
			if n := len(report.Problems); n > 0 {
				return &exitError{exitDiffer, fmt.Errorf("%s: %d %s", args[0], n, plural(n, "problem"))}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.Flags().StringVar(&logDir, "log-dir", "", "where the transaction logs are, if elsewhere (dataLogDir)")
	return cmd
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
