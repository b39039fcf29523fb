package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// analystCommand looks after the logins of a gateway.
func analystCommand(io Stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "analyst",
		Short:   "Look after analysts' logins",
		Example: "  c2dproxy analyst add clinic.yaml mia",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q for analyst", args[0])}
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "add FILE LOGIN",
		Short: "Set an analyst's password",
		Long: "Asks for a password (twice, or one line of standard input) and writes its SCRAM-SHA-256 verifier\n" +
			"to the verifier_file that FILE names for LOGIN. If FILE does not name the login yet, prints the lines to\n" +
			"add to it. The password itself is stored nowhere.",
		Example: "  c2dproxy analyst add clinic.yaml mia",
		Args:    cobra.ExactArgs(2),
		RunE:    func(_ *cobra.Command, args []string) error { return addAnalyst(io, args[0], args[1]) },
	})
	return cmd
}

// addAnalyst writes or prints the verifier of a new password.
func addAnalyst(stdio Stdio, file, login string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	config, err := catalog.Parse(file, data)
	if err != nil {
		return err
	}
	if !catalog.ValidLogin(login) {
		return usageError{fmt.Errorf("%q is not a login: write lower-case letters, digits, _ . and -, starting with a letter", login)}
	}
	password, err := readPassword(stdio, login)
	if err != nil {
		return err
	}
	verifier, err := catalog.NewVerifier(password, rand.Reader)
	if err != nil {
		return err
	}
	analyst, known := config.Analyst(login)
	if !known || analyst.VerifierFile == "" {
		fmt.Fprintf(stdio.Err, "%s names no verifier_file for %s; write in it:\n", file, login)
		_, err = fmt.Fprintf(stdio.Out, "analysts:\n  %s:\n    verifier: %s\n", login, verifier)
		return err
	}
	if err := replaceFile(analyst.VerifierFile, []byte(verifier+"\n")); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdio.Err, "wrote %s; restart the party to use it\n", analyst.VerifierFile)
	return err
}

// readPassword asks on a terminal twice without echo, else reads one line.
func readPassword(stdio Stdio, login string) (string, error) {
	f, ok := stdio.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(stdio.In, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return "", errors.New("the password is empty")
		}
		return line, nil
	}
	var typed [2]string
	for i, prompt := range []string{"Password for " + login + ": ", "Again: "} {
		fmt.Fprint(stdio.Err, prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(stdio.Err)
		if err != nil {
			return "", err
		}
		typed[i] = string(b)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords differ")
	}
	if typed[0] == "" {
		return "", errors.New("the password is empty")
	}
	return typed[0], nil
}

// replaceFile writes a file that only its owner reads, at once or not at all.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
