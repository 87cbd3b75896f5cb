package main

import (
	"encoding/json"
	"fmt"

	"electnode/internal/config"

	"github.com/spf13/cobra"
)

func configCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "config ZOO_CFG", Short: "Check a configuration and print what would be in force",
		Example: "  electnode config /etc/zookeeper/conf/zoo.cfg\n  electnode config --json zoo.cfg",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, warnings, err := config.Load(args[0])
			for _, w := range warnings {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+w.String())
			}
			if err != nil {
				return usage(err)
			}
			for _, doubt := range storeDoubts(cfg) {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+doubt)
			}
			out := cmd.OutOrStdout()
			enc := json.NewEncoder(out)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if asJSON {
				return failed(enc.Encode(cfg.Effective()))
			}
			return failed(printConfig(out, cfg))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, every setting that differs from its default")
	return cmd
}
