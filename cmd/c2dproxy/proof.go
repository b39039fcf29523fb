package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp/ledger"
	"github.com/c2dproxy/c2dproxy/proxy"
)

// ledgerProof writes what an owner can show others of one execution.
func ledgerProof(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "proof FILE EXECUTION",
		Short: "Write who approved an execution, and what its gateway signed, for others to verify",
		Long: "proof writes the approvals of all parties of one execution and the gateway's signature under what it released, as JSON. It\n" +
			"holds the statement and its parameters, and no data. EXECUTION is its id, as c2d.history and the log show it, or the\n" +
			"beginning of it, as ledger show does. Any party of the study verifies it with: c2dproxy ledger verify-proof",
		Example: "  c2dproxy ledger proof /etc/c2dproxy/clinic.yaml 1f0c33d2a9b0e7c4 > execution.json",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			_, l, err := openLedger(args[0])
			if err != nil {
				return err
			}
			defer l.Close()
			id, err := findExecution(l, args[1])
			if err != nil {
				return err
			}
			p, err := proxy.ProofOf(l, id)
			if err != nil {
				return err
			}
			out := json.NewEncoder(stdio.Out)
			out.SetIndent("", "  ")
			return out.Encode(p)
		},
	}
}

// findExecution finds the one execution whose id begins with some hexadecimal digits.
func findExecution(l *ledger.Ledger, digits string) (ledger.ID, error) {
	const enough = 8
	var found []ledger.ID
	if _, err := hex.DecodeString(digits[:len(digits)&^1]); err != nil || len(digits) < enough {
		return ledger.ID{}, usageError{fmt.Errorf("%q is not an execution; write at least %d hexadecimal digits of its id", digits, enough)}
	}
	err := l.Walk(func(e ledger.Entry) error {
		if r, ok := e.Event.(ledger.Reserved); ok && len(digits) <= 64 && hex.EncodeToString(r.Reservation.ID[:])[:len(digits)] == digits {
			found = append(found, r.Reservation.ID)
		}
		return nil
	})
	switch {
	case err != nil:
		return ledger.ID{}, err
	case len(found) == 0:
		return ledger.ID{}, fmt.Errorf("this ledger has no execution %s; c2dproxy ledger show lists them", digits)
	case len(found) > 1:
		return ledger.ID{}, fmt.Errorf("%d executions begin with %s; write more of it", len(found), digits)
	}
	return found[0], nil
}

// ledgerVerifyProof checks a proof that another party wrote.
func ledgerVerifyProof(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "verify-proof FILE PROOF",
		Short: "Check a proof against the keys that this party's file pins",
		Long: "verify-proof checks every signature of a proof against the key of FILE's party and the keys of its peers. A proof that was\n" +
			"signed with a key that was replaced since is checked with a FILE that pins the old one.",
		Example: "  c2dproxy ledger verify-proof /etc/c2dproxy/lab.yaml execution.json",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			config, err := catalog.Load(args[0])
			if err != nil {
				return err
			}
			pinned, err := proxy.Pins(config)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(args[1])
			if err != nil {
				return err
			}
			p, err := proxy.DecodeProof(data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[1], err)
			}
			return printProof(stdio.Out, p, pinned)
		},
	}
}

// printProof says in words what a proof proves.
func printProof(out io.Writer, p *proxy.Proof, pinned func(party, fingerprint string) bool) error {
	a, err := p.Verify(pinned)
	if err != nil {
		return fmt.Errorf("it proves nothing: %w", err)
	}
	fmt.Fprintf(out, "execution %s in study %s\n", a.Execution, a.Query.Study)
	fmt.Fprintf(out, "asked by %s: %q\n", a.Query.Analyst, a.Query.SQL)
	for i, arg := range a.Query.Args {
		text := "NULL"
		if arg != nil {
			text = fmt.Sprintf("%q", *arg)
		}
		fmt.Fprintf(out, "  $%d = %s\n", i+1, text)
	}
	for _, c := range a.Charges {
		fmt.Fprintf(out, "charged at %s: %s ε %s δ %s\n", c.Owner, c.Source, c.Epsilon, c.Delta)
	}
	for _, m := range a.Participants {
		fmt.Fprintf(out, "approved by %s\n", m.Name)
	}
	if p.Release == nil {
		_, err = fmt.Fprintln(out, "no release is recorded")
		return err
	}
	_, err = fmt.Fprintf(out, "released by %s, batch %s\n", a.Gateway(), p.Release.Batch)
	return err
}

// verifyApprovals checks the approvals of a whole ledger and says what it found.
func verifyApprovals(out io.Writer, config *catalog.Config, l *ledger.Ledger) error {
	pinned, err := proxy.Pins(config)
	if err != nil {
		return err
	}
	own, err := l.Keys()
	if err != nil {
		return err
	}
	known := func(party, fingerprint string) bool {
		return pinned(party, fingerprint) || party == config.Party && slices.ContainsFunc(own, func(key []byte) bool { return keyText(key) == fingerprint })
	}
	found, err := proxy.VerifyApprovals(l, config.Party, known)
	if err != nil {
		return fmt.Errorf("%w: %w", errApprovals, err)
	}
	fmt.Fprintf(out, "%d executions, each approved by all of its parties\n", found.Approved)
	if found.Foreign > 0 {
		fmt.Fprintf(out, "note: %d of them are signed with keys that %s does not pin now\n", found.Foreign, config.Name)
	}
	if found.Bare > 0 {
		fmt.Fprintf(out, "note: %d more were started by an earlier version, which did not keep approvals\n", found.Bare)
	}
	return nil
}

// errApprovals means that a ledger holds what no honest party writes.
var errApprovals = errors.New("the ledger's chain is right, but not the approvals in it")
