package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/web"

	"github.com/spf13/cobra"
)

// Bounds of what chaos may be asked for.
const (
	minEvery = time.Second
	maxEvery = time.Hour
	maxChaos = 24 * time.Hour
)

type chaosFlags struct {
	every  time.Duration
	length time.Duration
	seed   uint64
	faults []string
}

// chaosFaults are the faults that a node knows and that chaos asks for.
func chaosFaults() []string { return []string{"resign", "pause", "isolate", "cut", "kill"} }

func chaosCommand() *cobra.Command {
	var f chaosFlags
	cmd := &cobra.Command{
		Use: "chaos URL...", Short: "Ask nodes for faults at random",
		Long: "Ask nodes that were started with --faults.enabled for faults at random, one at a time. Each fault is over\n" +
			"before the next begins, and at the end all nodes are asked to heal. A node that is asked to die needs\n" +
			"somebody who starts it again, as a container runtime does: leave kill out of --faults otherwise.",
		Example: "  electnode chaos http://127.0.0.1:7001 http://127.0.0.1:7002 --every 30s --for 10m --seed 7",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, urls []string) error {
			if err := f.check(); err != nil {
				return usage(err)
			}
			return newChaos(cmd.OutOrStdout(), f, urls).run(cmd.Context())
		},
	}
	cmd.Flags().DurationVar(&f.every, "every", 30*time.Second, "time between the beginnings of two faults, 1s to 1h")
	cmd.Flags().DurationVar(&f.length, "for", 10*time.Minute, "when to stop, at most 24h")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "the same seed asks the same things; 0 takes another one each time")
	cmd.Flags().StringSliceVar(&f.faults, "faults", chaosFaults(), "which faults to ask for")
	return cmd
}

func (f chaosFlags) check() error {
	var errs []error
	if f.every < minEvery || f.every > maxEvery {
		errs = append(errs, fmt.Errorf("--every %s: %s to %s are possible", f.every, minEvery, maxEvery))
	}
	if f.length < f.every || f.length > maxChaos {
		errs = append(errs, fmt.Errorf("--for %s: from --every to %s is possible", f.length, maxChaos))
	}
	for _, name := range f.faults {
		if !slices.Contains(chaosFaults(), name) {
			errs = append(errs, fmt.Errorf("--faults %s: there are %s", name, strings.Join(chaosFaults(), ", ")))
		}
	}
	if len(f.faults) == 0 {
		errs = append(errs, errors.New("--faults: none"))
	}
	return errors.Join(errs...)
}

// chaos is one run of the command.
type chaos struct {
	chaosFlags
	out  io.Writer
	urls []string
	rng  *rand.Rand
}

func newChaos(out io.Writer, f chaosFlags, urls []string) *chaos {
	if f.seed == 0 {
		f.seed = seed()
	}
	return &chaos{chaosFlags: f, out: out, urls: urls, rng: rand.New(rand.NewPCG(f.seed, 0x6368616f73))}
}

// faultRequest is the body of POST /api/v1/faults.
type faultRequest struct {
	Fault string      `json:"fault"`
	Peer  *quorum.SID `json:"peer,omitempty"`
	For   string      `json:"for,omitempty"`
}

// run asks for faults until the time is over or ctx ends, and for healing then. It fails when no node took any.
func (c *chaos) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.length)
	defer cancel()
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	if _, err := fmt.Fprintf(c.out, "seed %d, a fault every %s for %s\n", c.seed, c.every, c.length); err != nil {
		return failed(err)
	}
	taken, last := 0, error(nil)
	for ctx.Err() == nil {
		text, err := c.step(ctx)
		if err == nil {
			taken++
		} else if ctx.Err() != nil {
			break // the time is over
		} else {
			last = err
			text += ": " + err.Error()
		}
		if _, err := fmt.Fprintf(c.out, "%s %s\n", time.Now().Format("15:04:05"), text); err != nil {
			return failed(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	healed := c.heal()
	if taken == 0 && last != nil {
		return failed(fmt.Errorf("no node took any fault: %w", last))
	}
	return failed(healed)
}

// step asks one node for one fault.
func (c *chaos) step(ctx context.Context) (string, error) {
	url := c.urls[c.rng.IntN(len(c.urls))]
	r := faultRequest{Fault: c.faults[c.rng.IntN(len(c.faults))]}
	pick := c.rng.Uint64()
	if r.Fault != "resign" && r.Fault != "kill" {
		// It ends before the next one begins.
		r.For = time.Duration(float64(c.every) * (0.2 + 0.5*c.rng.Float64())).Round(time.Millisecond).String()
	}
	text := r.Fault + " " + url
	if r.Fault == "cut" {
		raw, err := fetch(ctx, url)
		if err != nil {
			return text, err
		}
		peer, err := peerIn(raw, pick)
		if err != nil {
			return text, err
		}
		r.Peer = &peer
		text += fmt.Sprintf(" from server %d", peer)
	}
	if r.For != "" {
		text += " for " + r.For
	}
	return text, post(ctx, url, r)
}

// peerIn picks one of the peers that a status tells of.
func peerIn(raw []byte, pick uint64) (quorum.SID, error) {
	var s web.Status
	if err := json.Unmarshal(raw, &s); err != nil || len(s.Peers) == 0 {
		return quorum.NoSID, errors.New("it tells of no peers")
	}
	return s.Peers[pick%uint64(len(s.Peers))].SID, nil
}

// heal asks every node to end all faults, those that are gone excepted.
func (c *chaos) heal() error {
	healed := 0
	var errs []error
	for _, url := range c.urls {
		if err := post(context.Background(), url, faultRequest{Fault: "heal"}); err != nil {
			errs = append(errs, fmt.Errorf("heal %s: %w", url, err))
			continue
		}
		healed++
	}
	if healed == 0 {
		return errors.Join(errs...)
	}
	_, err := fmt.Fprintf(c.out, "%s healed %d of %d nodes\n", time.Now().Format("15:04:05"), healed, len(c.urls))
	return err
}

// post asks for a fault. A node that dies of it may do so before it answers.
func post(ctx context.Context, url string, r faultRequest) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(url, "/")+"/api/v1/faults", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // only for the message
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", plain(resp.Status), plain(string(bytes.TrimSpace(answer))))
	}
	return nil
}
