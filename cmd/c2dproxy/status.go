package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/proxy"
)

// statusCommand shows what a running party knows.
func statusCommand(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use:     "status FILE",
		Short:   "Show peers, studies, versions and the ledger of the running party",
		Example: "  c2dproxy status /etc/c2dproxy/clinic.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := catalog.Load(args[0])
			if err != nil {
				return err
			}
			status, err := fetchStatus(cmd.Context(), config)
			if err != nil {
				return err
			}
			return printStatus(stdio, status)
		},
	}
}

// fetchStatus asks the health endpoint of the party that a file describes.
func fetchStatus(ctx context.Context, config *catalog.Config) (*proxy.Status, error) {
	address := config.Listen.Health
	if address == "" {
		return nil, fmt.Errorf("%s.health is not set, so a running party cannot be asked; write for example  health: 127.0.0.1:9464  and start it again", config.At("listen"))
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/status", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s does not run: nothing answers on %s (listen.health); start it with: c2dproxy serve %s", config.Party, address, config.Name)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("what answers on %s (listen.health) says %s: is it another program, or is the ledger unreadable?", address, response.Status)
	}
	var status proxy.Status
	if err := json.NewDecoder(response.Body).Decode(&status); err != nil {
		return nil, fmt.Errorf("what answers on %s (listen.health) is not a c2dproxy: %w", address, err)
	}
	if status.Party != config.Party {
		return nil, fmt.Errorf("on %s (listen.health) answers party %q instead of %q: two parties on one machine need different ports", address, status.Party, config.Party)
	}
	return &status, nil
}

// printStatus writes tables for a terminal.
func printStatus(stdio Stdio, s *proxy.Status) error {
	out := tabwriter.NewWriter(stdio.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(out, "party\t%s\nplanner\t%s\nledger\tentry %d, %.16s\n", s.Party, s.Planner, s.Ledger.Sequence, s.Ledger.Hash)
	fmt.Fprintln(out, "\nSTUDY\tVERSION\tSTATE")
	for _, study := range s.Studies {
		state := "complete"
		if !study.Complete {
			state = studyProblem(study)
		}
		fmt.Fprintf(out, "%s\t%s\t%s\n", study.Name, words(study.Epoch, "-"), state)
	}
	fmt.Fprintln(out, "\nPEER\tSINCE\tPLANNER\tLEDGER\tCLOCK\tSTATE")
	for _, peer := range s.Peers {
		state := "connected"
		if !peer.Reachable {
			state = "not connected"
		}
		if peer.Problem != "" {
			state += ": " + peer.Problem
		}
		since, seen, clock := "-", "-", "-"
		if !peer.Since.IsZero() {
			since = peer.Since.UTC().Format(time.DateTime)
		}
		if peer.Planner != "" {
			seen, clock = fmt.Sprintf("entry %d", peer.Ledger), fmt.Sprintf("%+d ms", peer.SkewMillis)
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\n", peer.Name, since, words(peer.Planner, "-"), seen, clock, state)
	}
	return out.Flush()
}
