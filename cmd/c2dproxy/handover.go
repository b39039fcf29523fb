package main

import (
	"crypto/ed25519"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/proxy"
)

// ledgerHandOver replaces the identity key that signs a ledger.
func ledgerHandOver(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "hand-over FILE KEY",
		Short: "Let another identity key sign this party's ledger from now on",
		Long: "hand-over writes an entry, signed with the present identity key, that names the key in KEY as its successor; KEY signs that\n" +
			"it goes on from there. What was spent stays spent. After it the ledger opens with KEY only: write KEY at identity.key_file, have\n" +
			"the peers pin its fingerprint, start. The party must be stopped.",
		Example: "  c2dproxy keygen --out clinic-2027.key\n  c2dproxy ledger hand-over /etc/c2dproxy/clinic.yaml clinic-2027.key",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			config, l, err := openLedger(args[0]) // says in words why not
			if err != nil {
				return err
			}
			if err := l.Close(); err != nil {
				return err
			}
			key, err := catalog.ReadKey(args[1])
			if err != nil {
				return err
			}
			if err := proxy.HandOver(config, key); err != nil {
				return err
			}
			_, err = fmt.Fprintf(stdio.Out, "the ledger of %s is signed by %s from now on\nwrite at %s: key_file: %s\nhave each peer pin in its peers, for %s: key: %q\n",
				config.Party, keyText(key.Public().(ed25519.PublicKey)), config.At("identity.key_file"), args[1], config.Party, keyText(key.Public().(ed25519.PublicKey)))
			return err
		},
	}
}

// keyText is the fingerprint of a public key.
func keyText(key []byte) string {
	if len(key) != ed25519.PublicKeySize {
		return "(damaged)"
	}
	fingerprint, err := catalog.Fingerprint(ed25519.PublicKey(key))
	if err != nil {
		return "(damaged)"
	}
	return fingerprint
}
