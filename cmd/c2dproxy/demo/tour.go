package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// tour asks the demo's questions at one gateway.
type tour struct {
	deployment *Deployment
	oracle     *Oracle
	studies    map[string]*catalog.Study
	gateway    string
	out        io.Writer
	answered   int
	failed     int
}

func newTour(d *Deployment, oracle *Oracle, out io.Writer) (*tour, error) {
	studies, err := d.studies()
	if err != nil {
		return nil, err
	}
	return &tour{deployment: d, oracle: oracle, studies: studies, gateway: partyNames[0], out: out}, nil
}

// walk asks everything; its error is a tour that could not go on.
func (t *tour) walk(ctx context.Context) error {
	for i, q := range questions {
		fmt.Fprintf(t.out, "\n%d. %s\n%s\n", i+1, q.title, indent(q.sql, "    "))
		t.count(t.ask(ctx, q))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	fmt.Fprintf(t.out, "\n%d. A party is killed, and comes back\n", len(questions)+1)
	t.count(t.outage(ctx))
	fmt.Fprintf(t.out, "\n%d. A value planted at %s is searched for at the others\n", len(questions)+2, canaryParty)
	t.count(t.search(ctx))
	fmt.Fprintf(t.out, "\ndemo: %d questions answered, %d failed\n", t.answered, t.failed)
	return nil
}

// count records how a stop of the tour ended.
func (t *tour) count(err error) {
	if err == nil {
		t.answered++
		return
	}
	t.failed++
	fmt.Fprintf(t.out, "    FAILED: %v\n", err)
}

// connect opens an analyst's connection to the gateway.
func (t *tour) connect(ctx context.Context, login, study string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, t.deployment.URI(t.gateway, login, study))
}

// ask asks one question and prints the answer with all that is to be known about it.
func (t *tour) ask(ctx context.Context, q question) error {
	conn, err := t.connect(ctx, q.login, q.study)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if q.epsilon != "" {
		if _, err := conn.Exec(ctx, "SET c2d.epsilon = "+q.epsilon); err != nil {
			return err
		}
	}
	bytes, began := t.deployment.Traffic(), time.Now()
	answer, err := fetch(ctx, conn, q.sql)
	seconds, bytes := time.Since(began).Seconds(), t.deployment.Traffic()-bytes
	if q.refusal != "" {
		return t.refused(err, q.refusal)
	}
	if err != nil {
		return err
	}
	if q.plain {
		answer.print(t.out, nil)
		return nil
	}
	know, err := t.look(ctx, q)
	if err != nil {
		return err
	}
	answer.print(t.out, know)
	if err := t.facts(ctx, know, seconds, bytes); err != nil {
		return err
	}
	return t.spent(ctx, conn)
}

// refused checks that the error is the refusal that is meant, and shows it.
func (t *tour) refused(err error, want string) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return fmt.Errorf("not refused (%v)", err)
	}
	fmt.Fprintf(t.out, "    refused, as it should be: %s (%s)\n", e.Message, e.Code)
	for _, more := range []string{e.Detail, e.Hint} {
		if more != "" {
			fmt.Fprintf(t.out, "    %s\n", more)
		}
	}
	if e.Code != want {
		return fmt.Errorf("the refusal should be %s", want)
	}
	return nil
}

// facts prints what the answer took and who learned what.
func (t *tour) facts(ctx context.Context, know *insight, seconds float64, bytes int64) error {
	for _, draw := range know.plan.Release.Aggregates {
		fmt.Fprintf(t.out, "    ± %s in 95 %% of answers: %s\n", steps(draw.HalfWidth95, draw.Scale), draw.Label)
	}
	var rows, entered int64
	for _, task := range know.plan.Local {
		entered += int64(task.Rows)
		for _, name := range task.Tables {
			n, err := t.rows(ctx, task.Owner, know.plan.Query.Study, name)
			if err != nil {
				return err
			}
			rows += n
		}
	}
	fmt.Fprintf(t.out, "    %.2f s, %.1f MB between the parties; %d rows in the tables, %d entered the computation\n",
		seconds, float64(bytes)/1e6, rows, entered)
	fmt.Fprintf(t.out, "    who learned what: %s\n", know.learners())
	return nil
}

// rows counts an owner's rows of a table, which only a demonstration may.
func (t *tour) rows(ctx context.Context, owner, study, table string) (n int64, err error) {
	party := t.deployment.Party(owner)
	config, err := catalog.Load(party.Config)
	if err != nil {
		return 0, err
	}
	mapping, _ := config.Mapping(study, table)
	conn, err := pgx.Connect(ctx, party.DatabaseDSN())
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, "SELECT count(*) FROM ("+mapping+") AS t").Scan(&n)
	return n, err
}

// spent prints what the question cost and what is left.
func (t *tour) spent(ctx context.Context, conn *pgx.Conn) error {
	answer, err := fetch(ctx, conn, `SELECT b.owner, b.source, l.epsilon, b.epsilon_left
		FROM c2d.budget b JOIN c2d.last l ON l.owner = b.owner ORDER BY 1, 2`)
	if err != nil {
		return err
	}
	var parts []string
	for _, row := range answer.rows {
		parts = append(parts, fmt.Sprintf("%s: ε %s, %s left", row[0], row[2], row[3]))
	}
	if len(parts) > 0 {
		fmt.Fprintf(t.out, "    spent at %s\n", strings.Join(parts, "; "))
	}
	return nil
}

// outage kills a party, asks, lets it come back, and asks again.
func (t *tour) outage(ctx context.Context) error {
	q := questions[0]
	registry := t.deployment.Party("registry")
	registry.Kill()
	down := q
	down.refusal = "08006"
	if err := t.ask(ctx, down); err != nil {
		return err
	}
	if err := t.deployment.StartParty(registry); err != nil {
		return err
	}
	if err := t.deployment.WaitReady(ctx); err != nil {
		return err
	}
	fmt.Fprintln(t.out, "    registry runs again; the same question:")
	return t.ask(ctx, q)
}

// connections prints how to connect, for --keep.
func (t *tour) connections() {
	p := t.deployment.Party(t.gateway)
	password := t.deployment.Passwords["mia"]
	fmt.Fprintf(t.out, `
The federation keeps running; Ctrl-C ends it. Studies: liver, breast, trauma. Analyst mia at gateway %s:

    psql   "%s"
    JDBC   jdbc:postgresql://127.0.0.1:%d/liver?user=mia&password=%s&sslmode=verify-ca&sslrootcert=%s
    pandas pandas.read_sql("SELECT count(*) FROM patients", sqlalchemy.create_engine("postgresql+psycopg2://mia:%s@127.0.0.1:%d/liver?sslmode=verify-ca&sslrootcert=%s"))

For examples/first-hour.ipynb and examples/first-hour.R, in the terminal that runs them:

    export PGHOST=127.0.0.1 PGPORT=%d PGDATABASE=liver PGUSER=mia PGPASSWORD=%s PGSSLMODE=verify-ca PGSSLROOTCERT=%s
`, p.Name, t.deployment.URI(p.Name, "mia", "liver"), p.Analysts, password, p.Certificate(), password, p.Analysts, p.Certificate(),
		p.Analysts, password, p.Certificate())
}

// steps writes n lattice steps of 10^-scale.
func steps(n int64, scale int) string {
	value := float64(n)
	for range scale {
		value /= 10
	}
	return fmt.Sprintf("%.*f", scale, value)
}
