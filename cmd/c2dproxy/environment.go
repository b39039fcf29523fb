package main

import (
	"os"
	"strings"
)

// ignoreEnvironment removes the variables that configure PostgreSQL's clients (PGSERVICE, PGSSLMODE, PGOPTIONS, …). A party's
// connections, to its owner's database and to its own catalog servers, are what its file says: no variable that somebody
// set for psql sends them elsewhere or takes their TLS away.
func ignoreEnvironment() error {
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "PG") {
			continue
		}
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	return nil
}
