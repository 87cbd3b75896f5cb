# electnode: build, try, test. Every target works on a fresh Debian or Ubuntu with Go.

GO      ?= go
BIN     := bin/electnode
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
SEEDS   ?= 2000
FUZZTIME ?= 3s
CYCLES  ?= 500
SEED    ?= 0

.PHONY: help build demo test unit interop lab compose fuzz sim lint bench bench-report bench-compare setup clean

help: ## what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /	/'

build: ## the program, as bin/electnode
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN) ./cmd/electnode

demo: build ## an ensemble in one process: it elects, and the address to look at is printed
	$(BIN) demo

setup: ## install what the tests need (packages when root or sudo), and say what is left out
	@scripts/setup.sh

test: setup unit fuzz ## everything, race detector on

unit: ## all Go tests, race detector on and none from the cache, and the simulation with SEEDS seeds and of a day
	$(GO) test -race -count=1 -timeout 20m $$($(GO) list ./... | grep -v '/test/lab$$')
	$(GO) test -race -count=1 -timeout 20m ./test/lab # alone: what it attacks has to be reached
	$(GO) test -timeout 20m -count=1 ./internal/sim -run TestSeeds -seeds $(SEEDS)
	$(GO) test -timeout 20m -count=1 ./test/day

fuzz: ## each fuzz target for $(FUZZTIME)
	@scripts/fuzz.sh $(FUZZTIME)

sim: ## the simulation alone: make sim SEEDS=100000
	$(GO) test -timeout 24h -count=1 -v ./internal/sim -run 'TestSeeds' -seeds $(SEEDS)

lab: setup ## the fault laboratory, long: make lab CYCLES=500; SEED=N repeats what a seed did, without it a random one is taken
	$(GO) test -race -count=1 -timeout 12h -v ./test/lab -cycles $(CYCLES) -shapes all -seed $(SEED)

compose: setup ## docker compose up, end to end, with a real engine
	$(GO) test -tags compose -timeout 20m -count=1 -v ./test/compose

interop: setup ## the tests among real ZooKeeper servers alone
	$(GO) test -race -count=1 -timeout 20m -v ./test/interop/...

lint: ## format, vet, modernisers, and the house rules
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt these: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags compose ./test/compose
	@fixes=$$($(GO) fix -diff ./... 2>&1); if [ -n "$$fixes" ]; then echo "$$fixes"; exit 1; fi
	@$(GO) mod tidy -diff
	$(GO) test -count=1 ./test/style

bench: ## all benchmarks, beside ZooKeeper and etcd: about 20 minutes, on a machine that does nothing else
	@scripts/setup.sh bench
	@scripts/bench.sh

bench-report: ## the tables and the plot of docs/benchmarks.md, from the last make bench
	$(GO) run ./test/bench/report -doc docs/benchmarks.md -plot docs/images/failover.svg -parts .bench/parts.txt .bench/samples.jsonl

bench-compare: ## this electnode beside that of another revision, by turns: make bench-compare BASE=main
	@scripts/bench-compare.sh $(BASE)

clean: ## remove what was built
	rm -rf bin
