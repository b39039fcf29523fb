package main

import (
	"context"
	"encoding/json"
	"errors"
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
			status, err := fetchStatus(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return printStatus(stdio, status)
		},
	}
}

// fetchStatus asks the health endpoint of the party that the file describes.
func fetchStatus(ctx context.Context, file string) (*proxy.Status, error) {
	config, err := catalog.Load(file)
	if err != nil {
		return nil, err
	}
	if config.Listen.Health == "" {
		return nil, fmt.Errorf("%s: listen.health is not set, so a running party cannot be asked; write for example  health: 127.0.0.1:9464", file)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+config.Listen.Health+"/status", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s does not answer on %s: is it running? Start it with: c2dproxy serve %s", config.Party, config.Listen.Health, file)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers on %s with %s", config.Party, config.Listen.Health, response.Status)
	}
	var status proxy.Status
	if err := json.NewDecoder(response.Body).Decode(&status); err != nil {
		return nil, fmt.Errorf("what answers on %s is not a c2dproxy: %w", config.Listen.Health, err)
	}
	if status.Party != config.Party {
		return nil, fmt.Errorf("on %s answers party %q instead of %q", config.Listen.Health, status.Party, config.Party)
	}
	return &status, nil
}

func printStatus(stdio Stdio, s *proxy.Status) error {
	out := tabwriter.NewWriter(stdio.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(out, "party\t%s\nplanner\t%s\nledger\tentry %d, %.16s\n", s.Party, s.Planner, s.Ledger.Sequence, s.Ledger.Hash)
	fmt.Fprintln(out, "\nSTUDY\tSTATE\tVERSION")
	for _, study := range s.Studies {
		state := "complete"
		if !study.Complete {
			state = study.Problem
		}
		fmt.Fprintf(out, "%s\t%s\t%s\n", study.Name, state, study.Epoch)
	}
	fmt.Fprintln(out, "\nPEER\tSTATE\tSINCE\tPLANNER\tLEDGER\tCLOCK")
	for _, peer := range s.Peers {
		state := "connected"
		if !peer.Reachable {
			state = "not connected"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\tentry %d\t%+d ms\n", peer.Name, state, peer.Since.Format(time.DateTime), peer.Planner, peer.Ledger, peer.SkewMillis)
		if peer.Problem != "" {
			fmt.Fprintf(out, "\t%s\n", peer.Problem)
		}
	}
	return errors.Join(out.Flush())
}
