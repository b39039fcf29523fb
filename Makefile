# The commands of the project. `make demo` and `make test` need no set-up beforehand:
# `deps` installs what is missing (as root), or says what to type.
GO ?= go
export CGO_ENABLED = 1

.PHONY: all build deps demo test check lint golden fuzz bench bench-wire clients clean

all: check

build: deps
	$(GO) build -o bin/c2dproxy ./cmd/c2dproxy

deps:
	@sh .ci/deps

# The main job: a federation of three parties on this machine answers a tour of questions.
demo: build
	./bin/c2dproxy demo

# Everything the project tests.
test: deps
	$(GO) vet ./...
	$(GO) test -timeout 30m $$($(GO) list ./... | grep -v '/conformance')
	$(GO) test -timeout 30m ./conformance

# Under a minute: format, vet, lint, short tests.
check:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'run gofmt -w'; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -short ./...

# Rewrites the planner's golden files; read the diff.
golden:
	$(GO) test ./sqlplan -update

# Each fuzz target for a short while.
fuzz:
	@sh .ci/fuzz

# The engine's speed: bytes a row and party, rounds, allocations, peak memory, and beside
# them the limits of this machine in the same run (docs/performance.md).
bench:
	$(GO) test -run '^$$' -bench 'AESCTR|Limit' -count 3 ./mpc
	$(GO) test -run '^$$' -bench . -skip 'AESCTR|Limit' -benchmem -benchtime 3x -count 3 -timeout 60m ./mpc

# The relay beside pgbouncer (apt-get install pgbouncer), in front of the same PostgreSQL; what a description of
# a known statement costs; and of a running federation, the memory of idle sessions and the overhead of a question.
bench-wire:
	@$(GO) test -run '^$$' -bench 'AgainstPgbouncer|Describe' -benchtime 1x ./wire | grep -E '^(bench-wire|FAIL|panic|    )'
	@$(GO) test -run '^$$' -bench Gateway -benchtime 1x ./conformance | grep -E '^(bench-wire|FAIL|panic|    )'

# Other people's clients, from Debian and npm, against a federation and a plain PostgreSQL with the
# same tables (docs/clients.md). The last line counts what was equal.
clients: build
	@sh conformance/clients/deps
	@$(GO) run ./conformance/clients $(CLIENTS)

clean:
	rm -rf bin
