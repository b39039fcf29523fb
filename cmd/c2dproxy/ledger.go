package main

import (
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp/ledger"
	"github.com/c2dproxy/c2dproxy/proxy"
)

// ledgerCommand looks after the owner's privacy ledger.
func ledgerCommand(stdio Stdio) *cobra.Command {
	command := &cobra.Command{
		Use:   "ledger",
		Short: "Show, back up or verify the privacy ledger of this party",
		Long: "The ledger is the durable account of what this owner's data was used for. Only hand-over writes to it. The file is\n" +
			"locked while the party runs: stop it first, except for verify-proof, which reads no ledger.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q for ledger", args[0])}
			}
			return cmd.Help()
		},
	}
	command.AddCommand(ledgerShow(stdio), ledgerBackup(stdio), ledgerVerify(stdio), ledgerProof(stdio), ledgerVerifyProof(stdio), ledgerHandOver(stdio))
	return command
}

// openLedger opens the ledger of the party that a file describes, read-only.
func openLedger(file string) (*catalog.Config, *ledger.Ledger, error) {
	config, err := catalog.Load(file)
	if err != nil {
		return nil, nil, err
	}
	path := proxy.LedgerPath(config)
	l, err := proxy.OpenLedger(config, true)
	if errors.Is(err, ledger.ErrLocked) {
		return nil, nil, fmt.Errorf("%s is in use: %s runs, and holds it; stop it first (its peers connect again by themselves when it is back)", path, config.Party)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s does not exist: %s never ran with state_dir %s; see %s", path, config.Party, config.StateDir, config.At("state_dir"))
	}
	if errors.Is(err, ledger.ErrKey) {
		return nil, nil, fmt.Errorf("%w than that at %s; c2dproxy ledger hand-over said which", err, config.At("identity.key_file"))
	}
	return config, l, err
}

// ledgerShow lists entries and what the caps have left.
func ledgerShow(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use:     "show FILE",
		Short:   "List charges and releases, oldest first",
		Example: "  c2dproxy ledger show /etc/c2dproxy/clinic.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			config, l, err := openLedger(args[0])
			if err != nil {
				return err
			}
			defer l.Close()
			out := tabwriter.NewWriter(stdio.Out, 0, 4, 2, ' ', 0)
			for _, limit := range config.Caps {
				spent, err := l.SpentAtSource(limit.Source)
				if err != nil {
					return err
				}
				fmt.Fprintf(out, "%s\tε %s of %s\tδ %s of %s\n", limit.Source, spent.Epsilon, limit.Epsilon, spent.Delta, limit.Delta)
			}
			fmt.Fprintln(out, "\nENTRY\tTIME\tWHAT")
			err = l.Walk(func(e ledger.Entry) error {
				fmt.Fprintf(out, "%d\t%s\t%s\n", e.Seq, e.Time.UTC().Format(time.DateTime), entryText(e.Event))
				return nil
			})
			return errors.Join(err, out.Flush())
		},
	}
}

// entryText says in words what an entry records.
func entryText(event ledger.Event) string {
	switch e := event.(type) {
	case ledger.Created:
		return "ledger of " + e.Owner + " created"
	case ledger.Reserved:
		text := fmt.Sprintf("%.16x reserved for %s in %s", e.Reservation.ID, e.Reservation.Analyst, e.Reservation.Study)
		for _, c := range e.Reservation.Charges {
			text += fmt.Sprintf("; %s ε %s δ %s", c.Source, c.Epsilon, c.Delta)
		}
		return text
	case ledger.Started:
		if len(e.Approvals) > 0 {
			return fmt.Sprintf("%.16x approved by all parties; charged", e.ID)
		}
		return fmt.Sprintf("%.16x charged", e.ID)
	case ledger.Finished:
		return fmt.Sprintf("%.16x ended", e.ID)
	case ledger.Recovered:
		return fmt.Sprintf("%.16x interrupted by a crash; stays charged", e.ID)
	case ledger.Abandoned:
		return fmt.Sprintf("%.16x given up before it began; refunded", e.ID)
	case ledger.Expired:
		return fmt.Sprintf("%.16x expired before it began; refunded", e.ID)
	case ledger.PeerSeen:
		return fmt.Sprintf("ledger of %s seen at entry %d", e.Peer, e.Seq)
	case ledger.Released:
		return fmt.Sprintf("%.16x released, batch %.16x", e.ID, e.BatchHash)
	case ledger.HandedOver:
		return "handed over to the key " + keyText(e.New)
	default:
		return fmt.Sprintf("%T", event)
	}
}

// ledgerBackup copies the ledger.
func ledgerBackup(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE TARGET",
		Short: "Write a consistent copy of the ledger to TARGET, which must not exist",
		Long: "backup copies the ledger. A party that runs on a copy older than what its peers have seen refuses to answer:\n" +
			"restoring a backup never gives spent budget back.",
		Example: "  c2dproxy ledger backup /etc/c2dproxy/clinic.yaml /backup/clinic-ledger.db",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			_, l, err := openLedger(args[0])
			if err != nil {
				return err
			}
			defer l.Close()
			target, err := os.OpenFile(args[1], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s exists; a backup is never written over another: choose a new name, such as one with the date", args[1])
			}
			if err != nil {
				return err
			}
			if err := errors.Join(l.Backup(target), target.Sync(), target.Close()); err != nil {
				return errors.Join(err, os.Remove(args[1])) // half a ledger must not look like one
			}
			seq, _, err := l.Head()
			if err != nil {
				return err
			}
			fmt.Fprintf(stdio.Out, "%d entries written to %s\n", seq, args[1])
			return nil
		},
	}
}

// ledgerVerify reads the whole chain again.
func ledgerVerify(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use:     "verify FILE",
		Short:   "Check the ledger's whole chain, all balances and all approvals",
		Example: "  c2dproxy ledger verify /etc/c2dproxy/clinic.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			config, l, err := openLedger(args[0])
			if err != nil {
				return err
			}
			defer l.Close()
			if err := l.Verify(); err != nil {
				return err
			}
			seq, hash, err := l.Head()
			if err != nil {
				return err
			}
			fmt.Fprintf(stdio.Out, "%d entries, chain and balances are right; newest %x\n", seq, hash)
			return verifyApprovals(stdio.Out, config, l)
		},
	}
}
