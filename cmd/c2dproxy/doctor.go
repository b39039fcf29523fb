package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/proxy"
)

// maxSkew is the clock difference in milliseconds from which approvals begin to expire early.
const maxSkew = 2 * 60 * 1000

// doctorCommand says in words what keeps the federation from working.
func doctorCommand(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor FILE",
		Short: "Find out, in words, why a peer or a study does not work",
		Long: "doctor asks the running party about each peer: can it be reached, does it hold the pinned key, does its\n" +
			"clock agree, does it run the same planner, does it have the same version of each study, is a ledger behind.\n" +
			"It exits with 1 when something is wrong.",
		Example: "  c2dproxy doctor /etc/c2dproxy/clinic.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			status, err := fetchStatus(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			findings := examine(status)
			for _, finding := range findings {
				fmt.Fprintln(stdio.Out, finding)
			}
			if len(findings) > 0 {
				return errReported
			}
			fmt.Fprintf(stdio.Out, "%s: all %d peers and %d studies are well\n", status.Party, len(status.Peers), len(status.Studies))
			return nil
		},
	}
}

// examine turns a status into findings; none means all is well.
func examine(s *proxy.Status) []string {
	var findings []string
	found := func(format string, args ...any) { findings = append(findings, fmt.Sprintf(format, args...)) }
	for _, peer := range s.Peers {
		direction := fmt.Sprintf("%s → %s (%s)", s.Party, peer.Name, peer.Address)
		if peer.Connect == "accept" {
			direction = fmt.Sprintf("%s → %s (it dials us)", peer.Name, s.Party)
		}
		switch {
		case peer.KeyMismatch:
			found("%s: another key answers than the one pinned in peers: compare the fingerprints with %s's operator by telephone", direction, peer.Name)
			continue
		case !peer.Reachable:
			found("%s: not connected: %s", direction, words(peer.Problem, "no attempt has ended yet"))
			continue
		}
		if peer.Planner != s.Planner {
			found("%s runs planner %s, this party %s: update the older one", peer.Name, peer.Planner, s.Planner)
		}
		if peer.SkewMillis > maxSkew || peer.SkewMillis < -maxSkew {
			found("the clock of %s differs by %d s: set both by NTP", peer.Name, peer.SkewMillis/1000)
		}
		if peer.Behind {
			found("the ledger of %s is older than what this party saw of it: its operator must restore the newest ledger", peer.Name)
		}
		if peer.SelfBehind {
			found("%s holds a newer receipt of our ledger than our ledger has: restore the newest ledger; see c2dproxy ledger verify", peer.Name)
		}
		if peer.Problem != "" {
			found("%s: %s", peer.Name, peer.Problem)
		}
	}
	return append(findings, examineStudies(s)...)
}

// examineStudies compares the versions of each study.
func examineStudies(s *proxy.Status) []string {
	var findings []string
	for _, study := range s.Studies {
		if !study.Complete {
			findings = append(findings, fmt.Sprintf("study %s: %s", study.Name, study.Problem))
			continue
		}
		for _, peer := range s.Peers {
			if epoch, ok := peer.Epochs[study.Name]; ok && peer.Reachable && epoch != study.Epoch {
				findings = append(findings, fmt.Sprintf("study %s: %s has version %s, this party %s; wait a moment, then restart the one that was not updated",
					study.Name, peer.Name, epoch, study.Epoch))
			}
		}
	}
	return findings
}

// words gives text, or something to say in its place.
func words(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
