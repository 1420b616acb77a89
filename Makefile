# Which stage needs which; `make` alone prints the help. A user turns SIZE=, DATASET=, PARAMS=, FROM=, FILE=, NEW=, PORT=, TRIALS=.
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DELETE_ON_ERROR .SECONDEXPANSION:
.PHONY: help setup data train evaluate curves holdouts run serve predict predict-file evaluate-on model-card monitor retrain rollback reproduce sweep image lab ui test lint bench lock clean another-backend again
export PATH := $(CURDIR)/.venv/bin:$(PATH)
SIZES ?= 12500 25000 50000 100000
NAME := # not that of the machine, which Windows Subsystem for Linux has in its environment
PYTHON := .venv/bin/python
DATA := $(or $(DATA_FOLDER),data)
D := $(DATA)/$(DATASET)
R := $(D)/runs/$(RUN)
MODEL = $${MODEL_URI:-$$($(PYTHON) -m pipelines.evaluation.summary --model --dataset "$(DATASET)" --run "$(SIZE)")}
REGISTRY = MLFLOW_TRACKING_URI=$${MLFLOW_TRACKING_URI:-sqlite:///$(abspath $(or $(MLRUNS_FOLDER),mlruns))/mlflow.db}
ROLES := TEXT LABEL ID DATE USER_COLUMN NEGATIVE POSITIVE NEUTRAL
export NAME FROM FILE OUT NEW $(ROLES)
CHECKED := train evaluate data curves holdouts sweep retrain monitor evaluate-on predict-file reproduce model-card rollback
READ := DATASET SIZE SIZES PARAMS RUN AGAIN FROM FILE OUT NEW TRIALS SEARCH OVERWRITE PYTHON3 NAME $(filter-out $(if $(filter data retrain,$(MAKECMDGOALS)),,ID USER_COLUMN),$(ROLES))
given := $(foreach v,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $v))),$v)) # on the command line; those with an underline, as KERAS_BACKEND, are for others
unread := $(firstword $(foreach v,$(filter-out $(READ),$(given)),$(if $(findstring _,$(filter-out USER_COLUMN,$v)),,$v)))
$(if $(and $(unread),$(filter $(CHECKED),$(MAKECMDGOALS))),$(error $(unread)=$($(unread)): make $(firstword $(MAKECMDGOALS)) knows no $(unread); parameters of a run go into PARAMS="name=value", make help lists the rest))
$(foreach v,$(filter FROM FILE OUT NEW $(ROLES),$(given)),$(eval override $v := $$(value $v))) # a $$ in them is no more than that
options = $(foreach o,$(1),$(if $($(o)),--$(shell echo $(o:_COLUMN=) | tr A-Z a-z) "$$$(o)"))
LOCK = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
setup: .venv/ready-run ## .venv from the lock file
.venv/ready-run .venv/ready-dev: .venv/ready-%: requirements$$(filter-out -run,-$$*).txt pyproject.toml pipelines/environment.py
	@$(or $(PYTHON3),python3) pipelines/environment.py $*
data: .venv/ready-run ; @$(PYTHON) -m pipelines.dataset.sources $(if $(FROM),import --from "$$FROM",fetch) $(call options,NAME $(ROLES)) ## Sentiment140, or FROM=file|URL; your texts: FROM=x.csv NAME=reviews TEXT=column LABEL=column
evaluate: train ## the same: training ends with the evaluation
train: .venv/ready-run ## all stages up to the evaluated model: SIZE=200000 (default 50000), all; PARAMS="epochs=3"
	@set -e; d=$$($(PYTHON) -m pipelines.dataset.sources ensure $(if $(DATASET),--dataset "$(DATASET)")); \
	$(MAKE) -s before-03_tokenize DATASET=$$d; \
	r=$$($(PYTHON) -m pipelines.stages $$d --size "$(SIZE)" --params "$(PARAMS)"); \
	if $(MAKE) -q run DATASET=$$d RUN=$$r; then echo "nothing has changed since this run was made"; \
	else $(MAKE) -s run DATASET=$$d RUN=$$r; fi; $(PYTHON) -m pipelines.evaluation.summary $$d $$r
model-card: .venv/ready-run ; @$(PYTHON) -m pipelines.evaluation.model_card --dataset "$(DATASET)" --run "$(SIZE)" --out MODEL_CARD.md ## MODEL_CARD.md anew, from the figures of a run: SIZE=200000
curves: .venv/ready-run ## train every size of SIZES="12500 25000 50000 100000" (the default) and compare them
	@set -e; for size in $(SIZES); do case $$size in all|[1-9]*) ;; *) echo "SIZES: $$size is no number of rows, nor all" >&2; exit 2;; esac; done; for size in $(filter-out $(lastword $(SIZES)),$(SIZES)); do $(MAKE) -s train SIZE=$$size; done; $(MAKE) -s train SIZE=$(lastword $(SIZES)) AGAIN=05_diagnose
holdouts: .venv/ready-run ## the same on other test rows: later in time, other users, leaky; 06 shows them side by side
	@set -e; siblings=$$($(PYTHON) -m pipelines.dataset.sources siblings $(if $(DATASET),--dataset "$(DATASET)")); \
	for d in $$siblings; do $(MAKE) -s train DATASET=$$d; done; $(MAKE) -s train
sweep: .venv/ready-run ; @$(PYTHON) -m pipelines.search.sweep --dataset "$(DATASET)" --size "$(SIZE)" --params "$(PARAMS)" --search "$(SEARCH)" --trials "$(TRIALS)" ## try parameters until TRIALS=20 are done, several at once if you like: SEARCH="learning_rate units"
# Each output also needs the modules that its notebook imports: the runner lists them, in .NN_name.d beside it. `seeded`: this run with other seeds.
gone = $(if $(filter-out $(words $(wildcard $(1))),$(words $(1))),again)
needs_01_prepare := $(D)/raw/source.json $(call gone,$(D)/splits/manifest.json)
needs_02_explore := $(D)/01_prepare.ipynb $(call gone,$(D)/eda.json)
needs_03_tokenize := $(D)/01_prepare.ipynb $(call gone,$(R)/vocabulary.txt $(R)/encoded/train/ids.bin $(R)/encoded/validation/ids.bin)
needs_04_train := $(R)/03_tokenize.ipynb $(call gone,$(R)/model.keras $(R)/history.csv) $(if $(KERAS_BACKEND),$(shell grep -qs '"keras_backend": "$(KERAS_BACKEND)"' $(R)/04_train.manifest.json || echo another-backend))
needs_05_diagnose := $(R)/04_train.ipynb $(call gone,$(R)/diagnosis.json) $(if $(filter 05_diagnose,$(AGAIN)),again)
seeded := $(foreach r,$(notdir $(wildcard $(D)/runs/*_seed-*)),$(if $(filter $(RUN),$(subst $() ,_,$(filter-out seed-%,$(subst _, ,$r)))),$r))
needs_06_evaluate := $(R)/05_diagnose.ipynb $(call gone,$(R)/metrics.json $(R)/saved_model/manifest.json) $(wildcard $(seeded:%=$(D)/runs/%/metrics.json) $(patsubst %,$(D)-%/runs/$(RUN)/metrics.json,later users leaky))
run: $(R)/06_evaluate.ipynb $(D)/02_explore.ipynb
before-09_sweep: $(R)/03_tokenize.ipynb
before-07_monitor before-08_promote: $(R)/06_evaluate.ipynb
before-%: $$(needs_$$*) ;
$(patsubst %,$(D)/%.ipynb,01_prepare 02_explore): $(D)/%.ipynb: notebooks/%.ipynb $$(needs_$$*)
	@$(if $(filter again,$^),rm -f $@; )$(PYTHON) -m pipelines.run $* -p dataset $(DATASET) --inputs $(filter-out again,$^)
$(patsubst %,$(R)/%.ipynb,03_tokenize 04_train 05_diagnose 06_evaluate): $(R)/%.ipynb: notebooks/%.ipynb $$(needs_$$*)
	@$(if $(filter again,$^),rm -f $@; )$(PYTHON) -m pipelines.run $* -p dataset $(DATASET) -p run "$(RUN)" --overrides "$(PARAMS)" --inputs $(filter-out another-backend again,$^)
-include $(wildcard $(D)/.*.d $(R)/.*.d)
serve: .venv/ready-run ; @uri=$(MODEL) && MODEL_URI=$$uri $(REGISTRY) exec gunicorn -c serving/gunicorn_conf.py 'serving.app:create_app()' ## the newest evaluated run, or SIZE=/MODEL_URI=, on PORT (8000) with WORKERS (2)
predict: .venv/ready-run ; @uri=$(MODEL) && MODEL_URI=$$uri $(REGISTRY) $(PYTHON) -m serving.predict "$$TEXT" ## TEXT="python is great": label and probability on the shell
predict-file: .venv/ready-run ; @uri=$(MODEL) && $(PYTHON) -m pipelines.operation.scoring "$$FILE" "$$OUT" --model "$$uri" --text "$$TEXT" $(if $(filter-out 0,$(OVERWRITE)),--overwrite) ## FILE=tweets.csv OUT=scores.parquet [TEXT=column] [OVERWRITE=1]: every row, at thousands a second
evaluate-on: .venv/ready-run ; @uri=$(MODEL) && $(PYTHON) -m pipelines.operation.evaluate_on "$$FILE" --model "$$uri" $(call options,TEXT LABEL DATE NEGATIVE POSITIVE NEUTRAL OUT) ## FILE=tweets.csv [TEXT=column] [LABEL=column] [DATE=column] [NEGATIVE=0 POSITIVE=1,2]: how good it is on your labels
monitor: .venv/ready-run ; @$(PYTHON) -m pipelines.operation.monitor "$$NEW" --dataset "$(DATASET)" --run "$(SIZE)" --params "$(PARAMS)" $(call options,TEXT LABEL NEGATIVE POSITIVE NEUTRAL) ## NEW=texts or the service's log: are they as before? 0 steady; error 3 watch, 4 retrain
retrain: .venv/ready-run ; @$(PYTHON) -m pipelines.operation.retrain "$$NEW" --dataset "$(DATASET)" --size "$(SIZE)" --params "$(PARAMS)" $(call options,$(ROLES)) ## NEW=labelled rows [TEXT= LABEL=]: a challenger learns from them too; 0 promoted; error 3 not, and why
rollback: .venv/ready-run ; @$(PYTHON) -m pipelines.operation.champions --rollback --dataset "$(DATASET)" ## to the champion before
reproduce: .venv/ready-run ; @$(PYTHON) -m pipelines.operation.reproduction --dataset "$(DATASET)" --size "$(SIZE)" --params "$(PARAMS)" ## a run of the table in README again, SIZE=50000: as recorded? 0 yes; error 3 not, and where
image: ; docker build -t tweet-sentiment . ## the serving container, where Docker is
lab: .venv/ready-run ; @jupyter lab --notebook-dir notebooks $(if $(filter 0,$(shell id -u)),--allow-root) ## Jupyter Lab on the notebooks
ui: .venv/ready-run ; @$(PYTHON) -m pipelines.examples ui $(if $(filter-out 0,$(EXAMPLES)),--examples) ## the MLflow page on UI_PORT (5000); EXAMPLES=1: committed runs
test: .venv/ready-dev ; @$(PYTHON) -m pytest -n 2 --dist loadfile $(if $(filter-out 0,$(STORY)),-m story) ## all tests but the stories, minutes long each; STORY=1: those
lint: .venv/ready-dev ; @ruff format --check . && ruff check . ## format and lint, as in CI
bench: .venv/ready-run ; @$(PYTHON) -m benchmarks.training ## the recipe of most tutorials against ours, to 79 and to 81 %, and what each lever of speed is worth: minutes
lock: ## the lock files anew (needs uv)
	$(LOCK) pyproject.toml -o requirements.txt && $(LOCK) pyproject.toml --extra dev -c requirements.txt -o requirements-dev.txt && for lock in requirements requirements-light; do $(LOCK) serving/$$lock.in -o serving/$$lock.txt || exit; done
clean: ; rm -rf $(DATA)/*/runs $(DATA)/*/reproduced .pytest_cache .ruff_cache build *.egg-info ## remove runs and caches; data, MLflow's records and .venv stay
