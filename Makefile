# The commands of the project. `make demo` and `make test` need no set-up beforehand:
# `deps` installs what is missing (as root), or says what to type.
GO ?= go
export CGO_ENABLED = 1

.PHONY: all build deps demo test check lint golden fuzz bench clean

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
	$(GO) test -timeout 30m ./...

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

# Speed, with rows, bytes and rounds.
bench:
	$(GO) test -run '^$$' -bench . -benchmem ./mpc/...

clean:
	rm -rf bin
