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
