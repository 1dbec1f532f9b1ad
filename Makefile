.DEFAULT_GOAL := help
TOOL := CGO_ENABLED=0 go tool -modfile=tools/go.mod
LINT := CGO_ENABLED=0 go tool -modfile=tools/lint/go.mod
NPM  := npm --no-audit --no-fund --loglevel=error
WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print) $(wildcard graph/schema/*.graphqls)

.PHONY: help run test setup web build gen gen-sql gen-graph drift chaos soak fuzz properties mutants lint fmt clean

help: ## show what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup build ## start everything with demo data: servers, workers, simulator, agent app
	@exec bin/switchboard dev

test: setup-test build web/node_modules/.ready graph/conformance/node_modules/.ready ## run the whole suite: Go with -race, conformance, browser
	@tools/test.sh

setup:
	@tools/setup.sh run

.PHONY: setup-test
setup-test:
	@tools/setup.sh test

.PHONY: bench
bench: build ## measure speed beside its limits, in under ten minutes; BENCH=P4,P6 measures only these
	@go build -o bin/bench ./cmd/bench && bin/bench

.PHONY: bench-growth
bench-growth: build ## print what things cost as the work grows, as Markdown
	@go build -o bin/bench ./cmd/bench && bin/bench -growth

build: web ## build bin/switchboard with the agent app inside
	@[ -e bin/switchboard ] || echo "Building bin/switchboard; the first time takes a few minutes …"
	@go build -o bin/switchboard ./cmd/switchboard

web: web/node_modules/.built ## build the agent app

web/node_modules/.built: web/node_modules/.ready $(WEB_SOURCES)
	@cd web && $(NPM) run build
	@touch $@

%/node_modules/.ready: %/package.json %/package-lock.json
	@cd $* && $(NPM) ci
	@touch $@

gen: gen-sql gen-graph ## regenerate everything that is generated

gen-sql: ## regenerate db/internal/gen from queries/ and migrations/
	$(TOOL) sqlc generate

gen-graph: ## regenerate graph/internal/gen from graph/schema/
	$(TOOL) gqlgen generate

drift: gen ## fail when generated code is not what its sources say
	git diff --exit-code -- db/internal/gen graph
	@new=$$(git ls-files --others --exclude-standard -- db/internal/gen graph); [ -z "$$new" ] || { echo "not committed: $$new"; exit 1; }

fuzz: ## feed every parser with 1,000,000 inputs; FUZZ_INPUTS and FUZZ_ONLY narrow it
	@tools/fuzz.sh

properties: ## run every property with the figures of a night; PROPERTY_ONLY and PROPERTY_CHECKS narrow it
	@tools/properties.sh

mutants: ## break the code in twenty ways, each of which a test must catch
	@node tools/mutants.mjs

lint: ## check the style of Go and of the agent app
	$(LINT) golangci-lint run ./...
	cd web && $(NPM) run check

fmt: ## format Go
	gofmt -w cmd db graph internal migrations web/*.go

chaos: web ## break everything in turn against a ledger, for hours; CHAOS_ONLY=K1,K4 and CHAOS_CYCLES=20 do less
	CHAOS_FULL=1 go test -count=1 -timeout 0 -v -run TestChaos ./internal/chaos

soak: web ## work for an hour with a fault every 30 s; CHAOS_SOAK=10m does less
	CHAOS_SOAK=$${CHAOS_SOAK:-1h} go test -count=1 -timeout 0 -v -run TestSoak ./internal/chaos

clean: ## remove what was built; data in .data stays
	rm -rf bin web/dist/* web/node_modules graph/conformance/node_modules
