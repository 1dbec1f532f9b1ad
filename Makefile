.DEFAULT_GOAL := help
export CGO_ENABLED ?= 1
TOOL := CGO_ENABLED=0 go tool -modfile=tools/go.mod

.PHONY: help gen gen-sql gen-graph

help: ## show what can be made
	@awk 'BEGIN {FS = ":.*##"} /^[a-z-]+:.*##/ {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

gen: gen-sql gen-graph ## regenerate everything that is generated

gen-sql: ## regenerate db/internal/gen from queries/ and migrations/
	$(TOOL) sqlc generate

gen-graph: ## regenerate graph/internal/gen from graph/schema/
	$(TOOL) gqlgen generate
