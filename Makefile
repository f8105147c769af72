# Everything installs what it needs: a fresh machine has python3, go, git and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Compiled modules are kept, also where the environment says otherwise: every run of the tests would compile them all again.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
BIN := $(VENV)/bin
LAB := vagrant/lab
INVENTORY := out/demo.yaml
KUBECONFIG_FILE := out/demo.kubeconfig
TIMELINE := out/demo.svg

.PHONY: help
help: ## Show the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.ready: requirements/dev.txt pyproject.toml
	tests/make-venv $(VENV)
	@touch $@

.PHONY: venv
venv: $(VENV)/.ready ## Python environment with the locked development packages.

.PHONY: check
check: venv ## Lint, types, import contracts, unit tests, in under a minute; no host is touched.
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n 2 -m 'not exhaustive' tests/unit tests/golden

.PHONY: packages
packages: ## System packages that the tests need (root, apt).
	tests/install-packages

.PHONY: test
test: packages check ## All of it: unit tests, whole commands on model hosts, a real sshd, real nodes.
	$(BIN)/pytest -q -ra tests/ssh
	tests/run-together $(BIN)/pytest out/models.log

.PHONY: demo
demo: venv ## From nothing to three masters on real nodes; leaves the cluster up.
	@mkdir -p out
	$(LAB) up
	$(LAB) inventory --out $(INVENTORY)
	$(BIN)/bootstrap init $(INVENTORY) --kubeconfig $(KUBECONFIG_FILE) --timeline $(TIMELINE)
	@# The kubelets report readiness to the API some seconds after the components are healthy.
	@$$($(LAB) bin kubectl) --kubeconfig $(KUBECONFIG_FILE) -n kube-system wait pods --all --for=condition=Ready --timeout=120s >/dev/null
	$$($(LAB) bin kubectl) --kubeconfig $(KUBECONFIG_FILE) -n kube-system get pods -o wide
	@echo "kubeconfig: $(CURDIR)/$(KUBECONFIG_FILE); a picture of the run: $(CURDIR)/$(TIMELINE)"

.PHONY: demo-down
demo-down: ## Stop the nodes of the demo and remove them.
	$(LAB) down

.PHONY: bench
bench: venv ## kubeadm, files placed by hand, and bootstrap, in turn on the same nodes.
	$(BIN)/python -m bench

.PHONY: schema
schema: venv ## Write inventory/schema.json anew.
	$(BIN)/bootstrap config schema > inventory/schema.json

.PHONY: lock
lock: venv ## Resolve the requirements anew, with hashes and without naming an index.
	tests/lock-requirements $(BIN)
