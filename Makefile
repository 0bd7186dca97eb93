# Dropout, taught and measured. Two commands do everything: `make book` and `make test`.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PY     := $(BIN)/python
SITE   := _build/html
PORT   ?= 8000
# NumPy and PyTorch must never both bring their own threads: one thread a process, one process a core.
ONE    := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
SCRATCH := $(CURDIR)/_build/test

CHAPTERS := $(wildcard chapters/*.ipynb pages/*.ipynb)
PAGES    := _config.yml _toc.yml references.bib CONTRIBUTING.md $(wildcard *.md pages/*.md _static/*) $(CHAPTERS)

.PHONY: help install book site pdf serve lab notebooks verdicts benchmarks address test lint unit chapters-run \
        site-check colab vscode links clean

help:  ## this list
	@echo "make book                 install into $(VENV), build the site, say where to open it"
	@echo "make pdf                  the whole book as one PDF (needs Chromium; minutes)"
	@echo "make test                 everything continuous integration runs"
	@echo "make lab                  the chapters in JupyterLab"
	@echo "make serve                the site on http://localhost:$(PORT)"
	@echo "make notebooks            execute every chapter, store its outputs; ONLY=\"name ...\" for some"
	@echo "make verdicts SEED=7      decide every claim again from another base seed"
	@echo "make benchmarks           side-by-side timings, printed as ratios"
	@echo "make address URL=...      move the book to another repository, stamps included"
	@echo "make links                follow every link that leaves the book (needs a network)"
	@echo "make vscode               the explorables in VS Code's web edition (fetches half a gigabyte, once)"
	@echo "make clean                remove what was built (not $(VENV))"
	@echo "Parts of make test: lint, unit, chapters-run, site-check, colab. PYTHON=python3.12 names a Python."

# ------------------------------------------------------------------------------------------ installing
# The stamp makes a second run quick: pip is asked again only when what is asked for has changed.
install: $(VENV)/.installed
	@:
$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("The book needs Python 3.11 or later, this is " + sys.version.split()[0] + ". Name one: make book PYTHON=python3.12")'
	@test -x $(PY) || { echo "making a virtual environment in $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "installing what requirements.txt names (a few minutes the first time; PyTorch is the largest) ..."
	@start=$$(date +%s); $(PY) -m pip install -qq --disable-pip-version-check -r requirements.txt \
	  && echo "installed in $$(( $$(date +%s) - start )) s"
	@touch $@

# ------------------------------------------------------------------------------------------ the site
book:  ## build the site
	@start=$$(date +%s); $(MAKE) --no-print-directory install $(SITE)/.built \
	  && echo "The book is ready after $$(( $$(date +%s) - start )) s. Open file://$(CURDIR)/$(SITE)/index.html" \
	  && echo "(or run make serve)"

site: $(SITE)/.built
	@:
$(SITE)/.built: $(PAGES) $(VENV)/.installed
	@echo "building the site from the stored outputs ..."
	@rm -rf $(SITE) && mkdir -p _build
	@start=$$(date +%s); $(BIN)/jupyter-book build . --all -n -W --keep-going >_build/site.log 2>&1 \
	  || { grep -E -A3 'WARNING|ERROR|Error|rror:' _build/site.log || tail -40 _build/site.log; \
	       echo "The site was not built; the whole log is _build/site.log"; exit 1; }; \
	  echo "built in $$(( $$(date +%s) - start )) s"
	@touch $@

pdf: site  ## the whole book as one PDF, beside the site and linked on its front page
	@$(PY) tools/pdf.py

serve: book  ## the site on a local port
	@echo "http://localhost:$(PORT)  (Ctrl-C ends it)"
	@cd $(SITE) && $(CURDIR)/$(PY) -m http.server $(PORT)

lab: install  ## JupyterLab
	$(ONE) $(BIN)/jupyter lab chapters

# ------------------------------------------------------------------------------------------ the chapters
notebooks: install  ## execute and store
	@$(PY) tools/notebooks.py execute $(ONLY)

SEED ?= 1
verdicts: install  ## other base seeds
	@$(PY) tools/verdicts.py $(SEED)

benchmarks: install
	@for script in benchmarks/*.py; do echo "== $$script"; $(PY) $$script || exit 1; done

address: install
	@$(PY) tools/address.py $(URL)

# ------------------------------------------------------------------------------------------ the tests
test:  ## everything
	@start=$$(date +%s); \
	for part in install lint unit chapters-run site-check colab; do \
	  began=$$(date +%s); \
	  COLAB_WITHOUT="$(notdir $(basename $(LONGEST)))" $(MAKE) --no-print-directory $$part || { echo "make test: $$part failed"; exit 1; }; \
	  echo "---- $$part: $$(( $$(date +%s) - began )) s"; \
	done; \
	echo "make test: everything passed in $$(( $$(date +%s) - start )) s"

lint: install
	@echo "linting ..."
	@$(BIN)/ruff check .
	@$(PY) tools/notebooks.py check
	@$(PY) tools/address.py --check

unit: install
	@echo "unit tests ..."
	@$(ONE) $(PY) -m pytest -q -n 2 --dist loadscope --ignore tests/test_site.py --ignore tests/test_colab.py \
	  --ignore tests/test_explorables_page.py --ignore tests/test_site_page.py --ignore tests/test_explorables_jupyter.py \
	  --ignore tests/test_explorables_vscode.py

# Every notebook from a cold start; marked cells are compared with what is stored. Cards go to an empty folder
# and are compared with the stored ones. nbval brings its own warnings, so they are no errors here.
# One notebook a core, each in one process: fuller cores than one notebook after the other in as many processes.
# The longest go first, so that no core waits for one of them at the end.
LONGEST := chapters/structured.ipynb chapters/convolution.ipynb
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
chapters-run: install
	@echo "running every chapter through nbval ..."
	@rm -rf $(SCRATCH) && mkdir -p $(SCRATCH)/claims $(SCRATCH)/cache
	@printf '%s\n' $(LONGEST) $(filter-out $(LONGEST),$(CHAPTERS)) | xargs -P $(CORES) -I {} sh -c '\
	  start=$$(date +%s); \
	  $(ONE) LOKY_MAX_CPU_COUNT=1 DROPOUT_UTILS_STATIC=1 DROPOUT_UTILS_QUIET=1 DROPOUT_UTILS_SEED= \
	    DROPOUT_UTILS_CACHE=$(SCRATCH)/cache DROPOUT_UTILS_CLAIMS=$(SCRATCH)/claims \
	    $(PY) -m pytest -q --no-header -p no:xdist -p no:cacheprovider -o filterwarnings=default \
	      --nbval-lax --nbval-current-env --nbval-cell-timeout=300 $$1 >$(SCRATCH)/$$(basename $$1).log 2>&1; \
	  status=$$?; test $$status = 0 || cat $(SCRATCH)/$$(basename $$1).log; \
	  echo "$$1 ran in $$(( $$(date +%s) - start )) s"; exit $$status' chapter {}
	@if test -f tests/test_ledger.py; then \
	  DROPOUT_UTILS_FRESH_CLAIMS=$(SCRATCH)/claims $(PY) -m pytest -q tests/test_ledger.py; fi

site-check: install site
	@echo "checking the built site ..."
	@$(PY) -m pytest -q -n 2 tests/test_site.py
	@echo "opening every page and driving the explorables in a browser ..."
	@if ! { command -v chromium || command -v google-chrome; } >/dev/null && command -v apt-get >/dev/null && test "$$(id -u)" = 0; \
	  then apt-get install -qq -y chromium >/dev/null 2>&1 || true; fi
	@$(PY) -m pytest -q -n 2 tests/test_explorables_page.py tests/test_explorables_jupyter.py \
	  tests/test_site_page.py

# Needs a network: every link that leaves the book.
links: install
	@$(BIN)/jupyter-book build . --builder linkcheck --path-output _build/links

# The chapters in an environment with Colab's versions, kept in .venv-colab. `make test` leaves the two longest out,
# to stay under twenty minutes; `make colab` and the weekly workflow run them all.
colab: install
	@echo "running every chapter as Colab would ..."
	@$(PY) -m pytest -q -s tests/test_colab.py

# VS Code's web edition, of this version or the latest, and its Node.js come from npm into _build/vscode.
VSCODE ?= 4.139.1
vscode: install
	@echo "opening the explorables in VS Code ..."
	@VSCODE=$(VSCODE) $(PY) -m pytest -q tests/test_explorables_vscode.py

clean:
	rm -rf _build .pytest_cache .ruff_cache .hypothesis
