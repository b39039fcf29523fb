package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// keygenCommand makes a party's key, or shows the fingerprint of one.
func keygenCommand(io Stdio) *cobra.Command {
	var out, show string
	cmd := &cobra.Command{
		Use:     "keygen (--out FILE | --show FILE)",
		Short:   "Make a party's key, or show the fingerprint that peers pin",
		Example: "  c2dproxy keygen --out clinic.key\n  c2dproxy keygen --show clinic.key",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if (out == "") == (show == "") {
				return usageError{fmt.Errorf("write one of --out and --show")}
			}
			print, err := "", error(nil)
			if out != "" {
				print, err = makeKey(out)
			} else {
				print, err = showKey(show)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(io.Out, print)
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write a new key to this file (never over an existing one)")
	cmd.Flags().StringVar(&show, "show", "", "show the fingerprint of the key in this file")
	return cmd
}

// makeKey writes a new key and returns its fingerprint.
func makeKey(path string) (string, error) {
	key, err := catalog.NewKey(rand.Reader)
	if err != nil {
		return "", err
	}
	pem, err := catalog.EncodeKey(key)
	if err != nil {
		return "", err
	}
	if err := writeNew(path, pem, 0o600); err != nil {
		return "", err
	}
	return catalog.Fingerprint(key.Public())
}

// showKey returns the fingerprint of the key in a file.
func showKey(path string) (string, error) {
	key, err := catalog.ReadKey(path)
	if err != nil {
		return "", err
	}
	return catalog.Fingerprint(key.Public())
}

// writeNew writes a file that does not exist yet, whole or not at all.
func writeNew(path string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
