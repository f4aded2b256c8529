# SPDX-License-Identifier: GPL-3.0-or-later
# `make help` lists what there is. Nothing but make and git has to be there before: the rest is installed when needed.
.DEFAULT_GOAL := help
SHELL := /bin/sh
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.build/view
RUN := molecule/lab/run
INVENTORY := molecule/inventory.yml

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

.PHONY: venv view build-tools lab-tools lab-check
venv:
	@tools/bootstrap.sh python
view:
	@mkdir -p .build/view/ansible_collections/nfv
	@ln -sfn ../../../.. .build/view/ansible_collections/nfv/ovs_dpdk
build-tools:
	@tools/bootstrap.sh build
lab-tools: venv view
	@tools/bootstrap.sh lab
lab-check: lab-tools
	@molecule/lab/check

.PHONY: lab lab-down bench
lab: lab-check ## start two lab hosts, run playbooks/site.yml on them, and show what came out
	@echo "==> starting the lab hosts"
	@$(RUN) ansible-playbook -i $(INVENTORY) --limit lab molecule/lab/create.yml
	@echo "==> running playbooks/site.yml"
	@$(RUN) ansible-playbook -i $(INVENTORY) --limit lab playbooks/site.yml
	@echo "==> measuring"
	@$(RUN) ansible-playbook -i $(INVENTORY) --limit lab -e report_file=$(CURDIR)/.build/lab.txt molecule/lab/measure.yml
	@echo
	@cat .build/lab.txt

lab-down: ## remove the lab hosts of this checkout and give their hugepages back
	@if command -v podman >/dev/null; then $(RUN) molecule/lab/host down --all && $(RUN) --leave; fi
	@$(RUN) molecule/lab/vm down --all
	@rm -rf .ansible/tmp

bench: lab-check .build/peers/ansible_collections/openvswitch ## measure tasks of many ports against other ways, builds of the switch, and guests
	@$(RUN) python tests/benchmark/run.py
	@$(RUN) python tests/benchmark/builds.py
	@$(RUN) python tests/benchmark/pvp.py

# The last `ansible` package that has the collection openvswitch.openvswitch, which the benchmark compares with.
.build/peers/ansible_collections/openvswitch: tools/peers.py
	@echo "==> unpacking the collection openvswitch.openvswitch"
	@python tools/peers.py .build/peers 10.7.0 openvswitch.openvswitch
	@touch $@

.PHONY: test lint units sanity docs dist molecule
test: build-tools lab-tools ## everything that follows up to molecule, and a table of what passed, failed and was skipped
	@python tools/steps.py
lint: venv view ## ruff, mypy, yamllint, ansible-lint, antsibull, shellcheck
	@python tools/steps.py lint
units: venv view build-tools ## unit tests; ARGS="-k mask" is passed to pytest
	@PYTEST_ADDOPTS="$(ARGS)" python tools/steps.py units
sanity: venv view ## ansible-test sanity, with every Python from 3.9 on that is here
	@python tools/steps.py sanity
docs: venv view ## the HTML documentation, in .build/docs/html
	@python tools/steps.py docs
dist: venv view ## build the archive, install it, look into it
	@python tools/steps.py dist
molecule: lab-check ## all scenarios, or SCENARIO=default, on LAB_SUITE=trixie instead of bookworm
	@python tools/steps.py $(if $(SCENARIO),molecule-$(SCENARIO),molecule)

.PHONY: coverage matrix changelog lock clean
coverage: venv view build-tools ## unit tests, and which lines of plugins/ they do not reach
	@coverage run -m pytest -q
	@coverage report
matrix: venv view build-tools ## unit tests with every ansible-core from 2.16 on
	@tools/matrix.sh
changelog: venv ## write CHANGELOG.md for the version in galaxy.yml, from changelogs/fragments and the documentation
	@antsibull-changelog release --update-existing --reload-plugins
lock: venv ## write requirements-dev.txt again, with the newest versions that requirements-dev.in allows
	@uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate \
		--custom-compile-command "make lock" requirements-dev.in --output-file requirements-dev.txt
clean: ## remove what was built, but no lab host and no lab image
	@rm -rf .build .ansible .mypy_cache .pytest_cache .ruff_cache .coverage tests/output
