package main

import (
	"log/slog"
	"os"

	"electnode/internal/logging"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// common is what all commands share.
type common struct {
	logLevel  string
	logFormat string
}

// root makes the command tree.
func root() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "electnode",
		Short: "ZooKeeper's leader election, made visible",
		Long: "electnode elects a leader the way Apache ZooKeeper does, among its own kind and among real\n" +
			"ZooKeeper servers, and shows every notification, tie-break and round.",
		Example:      "  electnode demo\n  electnode run /etc/zookeeper/conf/zoo.cfg",
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			_, err := c.logger() // a wrong flag is wrong for every command
			return err
		},
	}
	cmd.PersistentFlags().StringVar(&c.logLevel, "log.level", "info", "debug, info, warn or error")
	cmd.PersistentFlags().StringVar(&c.logFormat, "log.format", logging.Auto,
		"auto, text or json; auto is text on a terminal")
	cmd.AddCommand(runCommand(&c), demoCommand(&c), configCommand(), statusCommand(), inspectCommand(),
		versionCommand())
	return cmd
}

// logger makes the logger that the flags ask for, writing to stderr.
func (c *common) logger() (*slog.Logger, error) {
	var level slog.LevelVar
	l, err := logging.ParseLevel(c.logLevel)
	if err != nil {
		return nil, usage(err)
	}
	level.Set(l)
	log, err := logging.New(os.Stderr, c.logFormat, term.IsTerminal(int(os.Stderr.Fd())), &level)
	return log, usage(err)
}
