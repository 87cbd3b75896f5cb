package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

func healthcheckCommand() *cobra.Command {
	var ready bool
	cmd := &cobra.Command{
		Use: "healthcheck [URL]", Short: "Say by the exit status whether a node is well",
		Long: "Say by the exit status whether a node is well, for containers: 0 when /healthz answers 200 within 2 s, else 1.\n" +
			"With --ready it asks /readyz: whether the node serves its role under an established leader.",
		Example: "  electnode healthcheck http://127.0.0.1:7000 --ready",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			url, path := "http://127.0.0.1:7000", "/healthz"
			if len(args) == 1 {
				url = args[0]
			}
			if ready {
				path = "/readyz"
			}
			return failed(healthy(cmd.Context(), url, path))
		},
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "ask /readyz")
	return cmd
}

// healthy is nil when url has the answer 200 for path.
func healthy(ctx context.Context, url, path string) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // only for the message
	return fmt.Errorf("%s: %s %s", path, plain(resp.Status), plain(strings.TrimSpace(string(answer))))
}
