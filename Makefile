.DEFAULT_GOAL := help
TOOLS := .venv/tools/bin/
RUFF := $(TOOLS)ruff

.PHONY: help
help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: test
test:  ## Run the tests on each Python 3.11, 3.12, 3.13 that is here
	@.ci/test

.PHONY: test-all
test-all:  ## The same with every combination of servers and properties; takes half a minute more
	@.ci/test --all

.PHONY: demo
demo:  ## Start the demo site under load and show live figures; Ctrl-C ends it
	@python3 demo_site/run.py

.PHONY: preview
preview:  ## Draw the boards with Grafana's components from a running Prometheus; ARGS="--prometheus http://127.0.0.1:9090"
	@python3 demo_site/preview/serve.py $(ARGS)

.PHONY: demo-stack
demo-stack:  ## Start the demo site with Prometheus, Grafana and more in containers; needs Docker with Compose
	@python3 demo_site/stack/up.py

.PHONY: tools
tools:
	@.ci/tools

.PHONY: lint
lint: tools  ## Check style, types and import contracts
	$(RUFF) check .
	$(RUFF) format --check .
	$(TOOLS)mypy
	$(TOOLS)lint-imports

.PHONY: format
format: tools  ## Put the code into the house style
	$(RUFF) check --fix .
	$(RUFF) format .

.PHONY: docs
docs: tools  ## Build the documentation; each warning is an error
	$(TOOLS)python -m sphinx --fail-on-warning --nitpicky --keep-going docs docs/_build/html

.PHONY: generated
generated: tools  ## Write the tables of the documentation and the dashboards anew
	$(TOOLS)python docs/generate.py
	$(TOOLS)python dashboards/generate.py

.PHONY: dashboards
dashboards: tools  ## Write the dashboards anew from their definitions
	$(TOOLS)python dashboards/generate.py

.PHONY: generated-check
generated-check: tools  ## Check that what is generated is up to date
	$(TOOLS)python docs/generate.py --check
	$(TOOLS)python dashboards/generate.py --check

.PHONY: django-suite
django-suite: tools  ## Run Django's own tests with and without djmetrics
	$(TOOLS)python -m tests.django_suite

.PHONY: bench
bench:  ## Measure what a request costs with and without djmetrics; ARGS="--quick" only tries that it works
	@.ci/bench $(ARGS)

.PHONY: clean
clean:  ## Remove virtualenvs, caches and built files
	rm -rf .venv .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf build dist docs/_build htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
