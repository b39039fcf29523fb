package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// initOptions are init's flags.
type initOptions struct {
	from, party, institution, out string
	helper                        bool
}

// initCommand writes a first file from what is in a database.
func initCommand(io Stdio) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init (--from postgres://… | --helper) --party NAME --institution NAME",
		Short: "Write a first file for a party from what is in its database",
		Long: "Connects read-only, looks at tables, types, keys, nulls and values, makes the party's key, and writes a\n" +
			"commented file. Nothing in it is granted: tables, bounds and domains are suggestions in comments, made from\n" +
			"your data, for your eyes. A bound that you declare is public; choose it from what you know of the\n" +
			"subject, not from the smallest and largest value that happen to be there. With --helper the party has no\n" +
			"database: it takes part in the computation of others.",
		Example: "  c2dproxy init --from postgres://reader@db.example/hospital --party clinic --institution \"Harbor Clinic\" --out /etc/c2dproxy",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runInit(cmd.Context(), io, o) },
	}
	cmd.Flags().StringVar(&o.from, "from", "", "connection string of the database (required); it is written to NAME.dsn, mode 0600")
	cmd.Flags().BoolVar(&o.helper, "helper", false, "a party without data")
	cmd.Flags().StringVar(&o.party, "party", "party", "the party's name")
	cmd.Flags().StringVar(&o.institution, "institution", "My Institution", "the institution that runs the party")
	cmd.Flags().StringVar(&o.out, "out", ".", "folder to write to")
	return cmd
}

// runInit inspects the database first and writes afterwards, so that a failure leaves nothing.
func runInit(ctx context.Context, io Stdio, o initOptions) error {
	if (o.from == "") == !o.helper {
		return usageError{fmt.Errorf("write --from postgres://reader@host/database, or --helper for a party without data")}
	}
	if !catalog.ValidParty(o.party) {
		return usageError{fmt.Errorf("--party %q: write lower-case letters, digits, - and _, starting with a letter", o.party)}
	}
	base := filepath.Join(o.out, o.party)
	for _, end := range []string{".yaml", ".key", ".dsn"} {
		if _, err := os.Lstat(base + end); err == nil {
			return fmt.Errorf("%s exists; move it away, or choose another --party or --out", base+end)
		}
	}
	tables, powers, err := look(ctx, o)
	if err != nil {
		return err
	}
	text := draft(o, tables)
	if _, err := catalog.Parse(base+".yaml", []byte(text)); err != nil {
		return fmt.Errorf("the file would not be valid: %w", err)
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	fingerprint, err := makeKey(base + ".key")
	if err != nil {
		return err
	}
	wrote := []string{base + ".yaml", base + ".key"}
	if !o.helper {
		wrote = append(wrote, base+".dsn")
		if err := writeNew(base+".dsn", []byte(o.from+"\n"), 0o600); err != nil {
			return err
		}
	}
	// The file holds suggestions made from the data: for the owner's eyes.
	if err := writeNew(base+".yaml", []byte(text), 0o600); err != nil {
		return err
	}
	fmt.Fprintf(io.Out, "wrote %s\nfingerprint for your peers: %s\n", strings.Join(wrote, ", "), fingerprint)
	for _, p := range powers {
		fmt.Fprintf(io.Out, "warning: the database role can do more than read: %s\n", p)
	}
	_, err = fmt.Fprintf(io.Out, "next: edit %s.yaml, then run: c2dproxy check %s.yaml\n", base, base)
	return err
}

// look inspects the database, and what its role can do beyond reading. A helper has none.
func look(ctx context.Context, o initOptions) (tables []found, powers []string, err error) {
	if o.helper {
		return nil, nil, nil
	}
	conn, err := connect(ctx, o.from)
	if err != nil {
		return nil, nil, errors.New(unreachable(err, "--from"))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if tables, err = inspect(ctx, conn); err != nil {
		return nil, nil, err
	}
	if len(tables) == 0 {
		return nil, nil, errors.New("the role of --from can read no table; the owner of the database writes: GRANT USAGE ON SCHEMA … TO role; GRANT SELECT ON … TO role")
	}
	powers, err = writePowers(ctx, conn)
	return tables, powers, err
}
