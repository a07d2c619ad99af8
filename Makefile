# One listed command per task; `make` alone lists them.
PYTHON ?= python3
PYTEST_FLAGS ?= -n auto
BIN := .venv/bin
SYNTHETIC := data/synthetic

# Set, this variable would make every kernel compile its imports anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup analysis test proof bench check lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: ## create .venv from requirements.lock (every other command does it by itself)
	@$(PYTHON) .ci/bootstrap.py

analysis: setup ## write the synthetic study, derive, lock, unseal, validate, say where the report is
	@test -d $(SYNTHETIC)/raw || $(BIN)/lumier simulate $(SYNTHETIC)
	@$(BIN)/lumier run $(SYNTHETIC) --only clean
	@$(BIN)/lumier run $(SYNTHETIC) --only derive
	@$(BIN)/lumier lock $(SYNTHETIC)
	@$(BIN)/lumier unseal $(SYNTHETIC) --identity $(SYNTHETIC)/truth/identity.txt --reason "the embedded study"
	@$(BIN)/lumier run --frozen $(SYNTHETIC)

test: setup ## run the tests
	@$(BIN)/python -m pytest -m "not proof" $(PYTEST_FLAGS)

proof: setup ## run the slow evidence: simulations and full runs
	@$(BIN)/python -m pytest -m proof

bench: setup ## time the parts against their peers, and a full fresh run of the synthetic study
	@test -d $(SYNTHETIC)/raw || $(BIN)/lumier simulate $(SYNTHETIC)
	@$(BIN)/python benchmarks/auc.py
	@$(BIN)/python benchmarks/time_dependent_auc.py
	@$(BIN)/python benchmarks/derivation.py
	@$(BIN)/python benchmarks/mixed.py
	@$(BIN)/python benchmarks/panel.py
	@$(BIN)/python benchmarks/cleaning.py
	@bash -c 'time $(BIN)/lumier run --fresh $(SYNTHETIC)'

check: setup ## lint, formatting, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

lock: setup ## compile requirements.lock anew from pyproject.toml
	@command -v uv >/dev/null || { echo "make lock needs uv: python3 -m pip install uv" >&2; exit 1; }
	@uv pip compile pyproject.toml --extra dev --generate-hashes --universal --python-version 3.11 \
		--no-header --no-emit-index-url --no-emit-find-links --quiet --output-file requirements.lock

clean: ## remove caches and everything made from the synthetic study (never another study's files)
	@rm -rf $(SYNTHETIC)/raw $(SYNTHETIC)/analysis $(SYNTHETIC)/truth reports/synthetic
	@rm -f $(SYNTHETIC)/seal_recipient.txt $(SYNTHETIC)/openings.* $(SYNTHETIC)/plan.lock*.json $(SYNTHETIC)/deviations*.md
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	@find lumier_analysis tests notebooks .ci -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
