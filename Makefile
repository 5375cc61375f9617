# `make` lists what there is. Everything it needs comes from the package registries, pinned and cached.
.DEFAULT_GOAL := help
.PHONY: help dev demo openapi_http vercel-build lint test fmt bench bench-peers clean

help: ## Lists these targets
	@printf '\n  \033[1mminireipaz api-service\033[0m\n\n'
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / { printf "  \033[36mmake %-14s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n  First time here? `make dev`, then `make demo` in another terminal.\n\n'

dev: ## Runs everything on this machine: functions, bridge, worker, ClickHouse
	@scripts/build.sh
	@exec target/debug/minireipaz dev

demo: ## Runs an example through the whole path and prints its steps and result
	@scripts/demo.sh

openapi_http: ## Writes the OpenAPI document, its page, the node kinds and the typed TypeScript client
	@scripts/generate_openapi.sh

vercel-build: ## Builds what a deployment ships, with the Vercel CLI, without an account
	@scripts/vercel_build.sh

lint: ## Checks formatting, lints, docs, scripts (scripts/lint.sh -install installs the linters)
	@scripts/lint.sh

test: ## Runs all tests: unit and integration, end to end, generated API requests
	@scripts/test.sh .env
	@scripts/test.sh .e2e.env
	@scripts/schemathesis.sh

fmt: ## Lists what is not formatted, and formats it
	@cargo fmt --all -- --check -l || true
	@cargo fmt --all

bench: ## Measures the whole path and its parts: latency, throughput, CPU of each part (release build)
	@scripts/bench.sh

bench-peers: ## Measures ours beside Restate (from npm), in turn, on the same workflow
	@scripts/bench.sh peers

clean: ## Removes what was built and the data of `make dev`
	cargo clean
	rm -rf .dev clients/typescript/node_modules
