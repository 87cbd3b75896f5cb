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
	level     slog.LevelVar // of the logger; may change at any time
	pipe      *logging.Pipe // where lines go; nil until there is a logger
}

// root makes the command tree.
func root(c *common) *cobra.Command {
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
		"auto, text or json; auto is text on a terminal; SIGUSR1 turns level debug on and off")
	cmd.AddCommand(runCommand(c), watchCommand(c), demoCommand(c), configCommand(), statusCommand(), inspectCommand(),
		electionsCommand(), replayCommand(c), chaosCommand(), healthcheckCommand(), versionCommand())
	return cmd
}

// logger makes the logger that the flags ask for, writing to stderr, and never waiting for who reads that.
func (c *common) logger() (*slog.Logger, error) {
	l, err := logging.ParseLevel(c.logLevel)
	if err != nil {
		return nil, usage(err)
	}
	c.level.Set(l)
	if c.pipe == nil {
		c.pipe = logging.NewPipe(os.Stderr)
	}
	log, err := logging.New(c.pipe, c.logFormat, term.IsTerminal(int(os.Stderr.Fd())), &c.level)
	return log, usage(err)
}
