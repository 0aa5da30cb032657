# `make` alone lists the commands; each line after ## is what it says.
.PHONY: help run test campaign build format bench screenshots clean

help: ## Lists the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Installs what is missing, builds, starts everything and prints the address; Ctrl-C ends it
	@scripts/run.sh

test: ## Installs what is missing and runs all tests
	@scripts/test.sh

campaign: ## Hundreds of failures on purpose: no job and no line of a log may be lost; takes an hour or two
	@scripts/campaign.sh

build: ## Installs what is missing and builds the server with the web app inside
	@scripts/install.sh run && scripts/build.sh

format: ## Formats the code
	@cargo fmt --all

bench: ## Measures what is promised: builds, the server with many jobs, and builds on a cluster
	@scripts/bench.sh

screenshots: ## Pictures of every page into tests/screenshots-out
	@scripts/screenshots.sh

clean: ## Removes what was built; keeps data and the cache of tools
	@rm -rf target dist playground/dist playground/node_modules tests/node_modules tests/screenshots-out
