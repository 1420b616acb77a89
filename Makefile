# Which stage needs which. `make` alone prints the help.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.DEFAULT_GOAL := help
.PHONY: help setup data train evaluate curves serve predict test lint lab ui image lock bench clean run before-%
.SUFFIXES:
MAKEFLAGS += --no-print-directory

# What a user turns: SIZE=200000 (or all), DATASET=sample, PARAMS="epochs=3", FROM=PATH, PORT=8000, WORKERS=2.
export PORT ?= 8000
export WORKERS ?= 2
PYTHON3 ?= python3
PYTHON := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)
DATA := $(or $(DATA_FOLDER),data)
D := $(DATA)/$(DATASET)
R := $(D)/runs/$(RUN)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/ready-run: requirements.txt pyproject.toml
	@$(PYTHON3) pipelines/environment.py run
.venv/ready-dev: requirements-dev.txt pyproject.toml
	@$(PYTHON3) pipelines/environment.py dev
setup: .venv/ready-run ## .venv from the lock file

data: .venv/ready-run ## Sentiment140, or FROM=file|URL, or your texts: FROM=x.csv NAME=reviews TEXT=column LABEL=column
	@$(PYTHON) -m pipelines.dataset.sources $(if $(FROM),import --from "$(FROM)",fetch) $(foreach o,NAME TEXT LABEL ID \
	  DATE USER_COLUMN NEGATIVE POSITIVE,$(if $($(o)),--$(shell echo $(o:_COLUMN=) | tr A-Z a-z) "$($(o))"))

# One sub-make a question: which data set there is, that it is split, how the run is called.
evaluate: train
train: .venv/ready-run ## all stages up to the evaluated model: SIZE=200000 (default 50000), all; PARAMS="epochs=3"
	@set -e; d=$$($(PYTHON) -m pipelines.dataset.sources ensure $(if $(DATASET),--dataset "$(DATASET)")); \
	$(MAKE) -s before-03_tokenize DATASET=$$d; \
	r=$$($(PYTHON) -m pipelines.stages $$d --size "$(SIZE)" --params "$(PARAMS)"); \
	if $(MAKE) -q run DATASET=$$d RUN=$$r; then echo "nothing has changed since this run was made"; \
	else $(MAKE) -s run DATASET=$$d RUN=$$r; fi; $(PYTHON) -m pipelines.evaluation.summary $$d $$r

curves: .venv/ready-run ## train every size of SIZES="12500 25000 50000" and compare them
	@set -e; for size in $(SIZES); do $(MAKE) -s train SIZE=$$size; done; \
	$(MAKE) -s -W notebooks/05_diagnose.ipynb train SIZE=$(lastword $(SIZES))

# The stages. Each output also needs the modules that its notebook imports: the runner lists them in .NN_name.d.
needs_01_prepare := $(D)/raw/source.json
needs_02_explore := $(D)/01_prepare.ipynb
needs_03_tokenize := $(D)/01_prepare.ipynb
needs_04_train := $(R)/03_tokenize.ipynb
needs_05_diagnose := $(R)/04_train.ipynb
needs_06_evaluate := $(R)/05_diagnose.ipynb
run: $(D)/02_explore.ipynb $(R)/06_evaluate.ipynb
before-%: $$(needs_$$*) ;
$(D)/%.ipynb: notebooks/%.ipynb $$(needs_$$*)
	@$(PYTHON) -m pipelines.run $* -p dataset $(DATASET) --inputs $^
$(R)/%.ipynb: notebooks/%.ipynb $$(needs_$$*)
	@$(PYTHON) -m pipelines.run $* -p dataset $(DATASET) -p run "$(RUN)" --overrides "$(PARAMS)" --inputs $^
-include $(wildcard $(D)/.*.d $(R)/.*.d)

serve: .venv/ready-run ## the newest evaluated run, or SIZE=/MODEL_URI=, on PORT (8000) with WORKERS (2)
	@uri=$${MODEL_URI:-$$($(PYTHON) -m pipelines.evaluation.summary --model $(if $(DATASET),--dataset $(DATASET)) --run "$(SIZE)")} && \
	MODEL_URI=$$uri exec .venv/bin/gunicorn -c serving/gunicorn_conf.py 'serving.app:create_app()'
predict: .venv/ready-run ## TEXT="python is great": label and probability on the shell
	@MODEL_URI=$${MODEL_URI:-$$($(PYTHON) -m pipelines.evaluation.summary --model $(if $(DATASET),--dataset $(DATASET)) --run "$(SIZE)")} \
	$(PYTHON) -m serving.predict "$$TEXT"
export TEXT
image: ## the serving container, where Docker is
	docker build -t tweet-sentiment .

lab: .venv/ready-run ## Jupyter Lab on the notebooks
	@.venv/bin/jupyter lab --notebook-dir notebooks
ui: .venv/ready-run ## the MLflow page; EXAMPLES=1 shows the committed runs
	@$(PYTHON) -m pipelines.examples ui $(if $(EXAMPLES),--examples)
test: .venv/ready-dev ## all tests
	@.venv/bin/python -m pytest
lint: .venv/ready-dev ## format and lint, as in CI
	@.venv/bin/ruff format --check . && .venv/bin/ruff check .
bench: .venv/ready-run ## speed, as ratios taken in one run
	@$(PYTHON) -m benchmarks.training
lock: ## the lock files anew, from pyproject.toml (needs uv)
	uv pip compile pyproject.toml -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements.txt
	uv pip compile pyproject.toml -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c requirements.txt --extra dev -o requirements-dev.txt
clean: ## remove runs and caches; raw data, MLflow's records and .venv stay
	rm -rf $(DATA)/*/runs .pytest_cache .ruff_cache build *.egg-info
