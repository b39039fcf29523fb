package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

//go:embed parties/*
var partyFiles embed.FS

// partyNames are the demo's parties in the order of their numbers.
var partyNames = [3]string{"clinic", "lab", "registry"}

var institutions = [3]string{"Lakeside Clinic", "Central Laboratory", "Cancer and Events Registry"}

// logins of the demo's analysts.
var logins = []string{"mia", "rosa", "tom"}

// Deployment is a running federation of three parties on this machine: for each a private
// PostgreSQL server with its own data, a folder with its configuration and state, and a
// process. Close stops everything and removes the folder.
type Deployment struct {
	Dir       string
	Parties   [3]*Party
	Passwords map[string]string // by login, the same at every gateway
	scratch   *pgserver.Scratch
	program   string
	extra     map[string]string // Options.Statements, which an oracle runs too
}

// Party is one party of a Deployment.
type Party struct {
	Name        string
	Institution string
	Dir         string
	Config      string // path of its YAML file
	Key         string // fingerprint
	Analysts    int    // ports on 127.0.0.1
	Peers       int
	Health      int
	database    *database
	process     *process
	recorders   []*recorder // of the connections that this party accepts
}

// Options of a deployment.
type Options struct {
	Program string // the c2dproxy executable
	// Progress gets the rows loaded so far of a party's table. Called concurrently. Optional.
	Progress func(party, table string, rows int)
	// Prepare changes a party's folder before its process starts, after the configuration is
	// written. Tests plant values and policies with it. Optional.
	Prepare func(party *Party) error
	// Statements run in a party's database after its tables are loaded; the party's reading
	// role may read what they create. An Oracle runs them too. Optional.
	Statements map[string]string
}

// Deploy starts databases, writes configurations and starts the three processes. On error
// nothing is left running.
func Deploy(ctx context.Context, o Options) (_ *Deployment, err error) {
	scratch, err := pgserver.NewScratch("", "c2d-demo")
	if err != nil {
		return nil, err
	}
	d := &Deployment{Dir: scratch.Dir, scratch: scratch, program: o.Program, Passwords: map[string]string{}, extra: o.Statements}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := d.describe(); err != nil {
		return nil, err
	}
	if err := d.loadAll(ctx, o); err != nil {
		return nil, err
	}
	for i := range d.Parties {
		if err := d.write(i); err != nil {
			return nil, err
		}
		if o.Prepare != nil {
			if err := o.Prepare(d.Parties[i]); err != nil {
				return nil, err
			}
		}
	}
	for _, p := range d.Parties {
		if err := d.StartParty(p); err != nil {
			return nil, err
		}
	}
	return d, d.WaitReady(ctx)
}

// describe draws keys, passwords and ports.
func (d *Deployment) describe() error {
	for _, login := range logins {
		var raw [9]byte
		if _, err := rand.Read(raw[:]); err != nil {
			return err
		}
		d.Passwords[login] = hex.EncodeToString(raw[:])
	}
	for i, name := range partyNames {
		p := &Party{Name: name, Institution: institutions[i], Dir: filepath.Join(d.Dir, name)}
		p.Config = filepath.Join(p.Dir, name+".yaml")
		if err := os.MkdirAll(p.Dir, 0o711); err != nil {
			return err
		}
		ports, err := freePorts(3)
		if err != nil {
			return err
		}
		p.Analysts, p.Peers, p.Health = ports[0], ports[1], ports[2]
		if p.Key, err = writeKey(filepath.Join(p.Dir, name+".key")); err != nil {
			return err
		}
		d.Parties[i] = p
	}
	return nil
}

// writeKey makes a party's identity and returns its fingerprint.
func writeKey(path string) (string, error) {
	key, err := catalog.NewKey(rand.Reader)
	if err != nil {
		return "", err
	}
	text, err := catalog.EncodeKey(key)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", err
	}
	return catalog.Fingerprint(key.Public())
}

// loadAll starts the three databases and loads them side by side.
func (d *Deployment) loadAll(ctx context.Context, o Options) error {
	template := filepath.Join(d.Dir, "template")
	if err := makeTemplate(ctx, template); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i, p := range d.Parties {
		group.Go(func() error {
			report := func(table string, rows int) {
				if o.Progress != nil {
					o.Progress(p.Name, table, rows)
				}
			}
			db, err := startDatabase(ctx, p.Dir, template, i, report)
			if err != nil {
				return err
			}
			p.database = db
			if o.Statements[p.Name] == "" {
				return nil
			}
			return db.exec(ctx, o.Statements[p.Name]+";\n"+grantReader)
		})
	}
	return group.Wait()
}

// write puts a party's files into its folder.
func (d *Deployment) write(i int) error {
	p := d.Parties[i]
	for login, password := range d.Passwords {
		verifier, err := catalog.NewVerifier(password, rand.Reader)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(p.Dir, login+".verifier"), []byte(verifier+"\n"), 0o600); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(p.Dir, p.Name+".dsn"), []byte(p.database.readerDSN()+"\n"), 0o600); err != nil {
		return err
	}
	text, err := d.render(i)
	if err != nil {
		return err
	}
	return os.WriteFile(p.Config, text, 0o600)
}

// peerLine is another party as one party's file names it.
type peerLine struct {
	*Party
	Connect string
	Via     int // port that the dialling side uses
}

// render fills in a party's file. Of a pair, the later party dials the earlier one, through
// a recorder that keeps what passed, for the search of a planted value.
func (d *Deployment) render(i int) ([]byte, error) {
	var others []peerLine
	for j, other := range d.Parties {
		switch {
		case j < i:
			via, err := newRecorder(filepath.Join(d.Dir, fmt.Sprintf("traffic-%s-%s", other.Name, d.Parties[i].Name)), d.Parties[i].Name, other.Peers)
			if err != nil {
				return nil, err
			}
			other.recorders = append(other.recorders, via)
			others = append(others, peerLine{Party: other, Connect: "dial", Via: via.port()})
		case j > i:
			others = append(others, peerLine{Party: other, Connect: "accept"})
		}
	}
	name := d.Parties[i].Name + ".yaml"
	parsed, err := template.New(name).ParseFS(partyFiles, "parties/common.tmpl", "parties/"+name)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = parsed.ExecuteTemplate(&text, name, map[string]any{"Party": d.Parties[i], "Others": others})
	return text.Bytes(), err
}

// Party finds a party by its name.
func (d *Deployment) Party(name string) *Party {
	for _, p := range d.Parties {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// URI is the connection URI of an analyst at a gateway. The certificate is the gateway's own,
// so clients that verify it need it as their root.
func (d *Deployment) URI(gateway, login, study string) string {
	p := d.Party(gateway)
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=verify-ca&sslrootcert=%s",
		login, d.Passwords[login], p.Analysts, study, p.Certificate())
}

// Certificate is the file of the certificate that the gateway made for analysts' clients.
func (p *Party) Certificate() string { return filepath.Join(p.Dir, "state", "analysts.crt") }

// Logs is the file that the party's process logs to.
func (p *Party) Logs() string { return filepath.Join(p.Dir, "log.jsonl") }

// DatabaseDSN is the superuser's connection to the party's own database; for oracles only.
func (p *Party) DatabaseDSN() string { return p.database.server.DSN("postgres") }

// Close stops everything that Deploy started and removes its folder.
func (d *Deployment) Close() error {
	var problems []error
	for _, p := range d.Parties {
		if p == nil {
			continue
		}
		problems = append(problems, p.Stop())
		for _, r := range p.recorders {
			r.close()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, p := range d.Parties {
		if p != nil && p.database != nil {
			problems = append(problems, p.database.server.Stop(ctx))
		}
	}
	return errors.Join(append(problems, d.scratch.Close())...)
}

// makeTemplate prepares one empty cluster that the three servers start from.
func makeTemplate(ctx context.Context, dir string) error {
	server, err := pgserver.Start(ctx, pgserver.Options{Dir: dir, Random: rand.Reader, Throwaway: true})
	if err != nil {
		return fmt.Errorf("prepare an empty PostgreSQL cluster: %w", err)
	}
	return server.Stop(ctx)
}

// indent puts a prefix before every line.
func indent(text, prefix string) string {
	return prefix + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+prefix)
}
