// Package golang is what the Go programs among the clients print: the lines that the command above
// it compares.
package golang

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
)

// Gateway tells whether the server is the gateway, not the plain PostgreSQL.
func Gateway() bool { return os.Getenv("C2D_SERVER") == "gateway" }

// Version prints the version of the module that is tried.
func Version(module string) {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == module {
			fmt.Printf("v\t%s\n", strings.TrimPrefix(m.Version, "v"))
		}
	}
}

// Same prints what both servers must answer alike; an error is an answer too.
func Same(name string, step func() (any, error)) {
	value, err := step()
	if err != nil {
		value = "error " + err.Error()
	}
	fmt.Printf("=\t%s\t%s\n", line(name), line(fmt.Sprint(value)))
}

// Holds prints whether this server did as expected.
func Holds(name string, step func() error) {
	if err := step(); err != nil {
		fmt.Printf("-\t%s\t%s\n", line(name), line(err.Error()))
		return
	}
	fmt.Printf("+\t%s\n", line(name))
}

// line keeps a text on one line.
func line(text string) string {
	return strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\t", "\\t", "\r", "\\r").Replace(text)
}

// The statements that every program asks.
const (
	Count   = "SELECT count(*) FROM people"
	Slow    = "SELECT count(*) FROM people JOIN visits USING (id)" // for cancels: seconds of joint computation
	Parts   = "SELECT city, sex, count(*) FROM people GROUP BY city, sex ORDER BY 1, 2"
	Grouped = "SELECT sex, count(*) AS n, avg(weight) AS w FROM people WHERE age >= $1 GROUP BY sex ORDER BY sex"
)

// Questions are statements that both servers must answer alike.
var questions = [...]string{
	Count, Parts,
	"SELECT region, grade, flag, count(*), sum(cost) FROM sites GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
	"SELECT date_trunc('month', born) AS month, active, count(*) FROM people GROUP BY 1, 2 ORDER BY 1, 2",
	"SELECT count(*) FROM people WHERE nothing",
	"SELECT count(*) FROM nowhere",
	"SELEC 1",
	"SELECT 1/0",
	"SELECT 'é', nothing FROM people",
	"SELECT relname, relkind FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
}

// Questions are statements that both servers must answer alike.
func Questions() []string { return questions[:] }

// Refusals are statements that the gateway refuses, each with the SQLSTATE that clients see.
func Refusals() [][2]string {
	return [][2]string{
		{"SELECT * FROM people", "ZD001"},
		{"SELECT min(age) FROM people", "ZD003"},
		{"SELECT note, count(*) FROM people GROUP BY note", "42501"},
		{"SELECT sum(age / income) FROM people", "0A000"},
		{"DELETE FROM people", "25006"},
	}
}
