# What people and the pipeline type. Each target calls a script in bin/; without make, call the script itself.
.DEFAULT_GOAL := help
.PHONY: help run reset setup test test-services check format bench lock

help: ## List what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: ## Start the demonstration at http://localhost:8000 (Ctrl-C stops it; data is kept)
	@bin/run

reset: ## Delete the demonstration's data
	@bin/run --reset

setup: ## Make the environment and the keys only
	@bin/setup

test: ## Install what the tests need and run them all, browser included
	@bin/test

test-services: ## What asks a database or a broker, on PostgreSQL, Redis and RabbitMQ, where they run
	@bin/test-services

check: ## Format, lint, types, import order, migrations, templates, settings
	@bin/check

format: ## Put the code into its one format
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

bench: ## Measure syncing and link detection
	@bin/setup dev
	@.venv/bin/python -m bench.run

lock: ## Pin and hash requirements*.txt anew from requirements*.in
	@bin/lock
