# Everything that a fresh clone needs. `make demo` and `make test` do all the set-up themselves;
# a second run finds the stamps in $(VENV) and starts at once.

VENV ?= .venv
PYTHON ?= $(shell .ci/find-python)
NOTEBOOK ?= notebooks/01_thermostat.ipynb
PYTEST_ARGS ?=
# Two processes: most tests wait for a browser, a kernel or a server. Those of a file share their fixtures and stay together.
PYTEST_WORKERS ?= 2
DASH_VERSIONS ?= 4.4.1 newest
# What touches Dash: the core, the app, and what its renderer must do in a browser.
MATRIX_TESTS ?= tests/core tests/app tests/testing tests/client $(addprefix tests/acceptance/test_,$(addsuffix .py,\
	acts_and_answers browser_memory chains changed_in_place components_of_pages components_that_come event_props events features \
	fires_where frames_and_streams newer_dash no_output numpy_figures one_event_is_one_change pages_and_dev_tools programs \
	pushes pushes_that_call round_trip uploads))
# What touches Jupyter and the servers.
LOWEST_TESTS ?= tests/transport tests/kernel tests/registration tests/server tests/console tests/app \
	$(addprefix tests/acceptance/test_,$(addsuffix .py,jupyterlab front_ends kernel_status live_in_lab console_in_lab share_in_lab \
	addresses_in_lab rights_in_jupyter two_tabs connection frames_and_streams))
FUZZ_ARGS ?=
FAULTS_ARGS ?=
MODEL_HISTORIES ?= 1000
MODEL_ARGS ?=
AUTOBAHN_ARGS ?=
COVERAGE_ARGS ?=
DASH_SOURCE ?=
ANCESTOR_SOURCE ?=
KRAKEN_SOURCE ?=
COMPONENTS_SOURCE ?=
OTHERS_ARGS ?=
COMPONENTS_ARGS ?=
BENCHMARKS ?= startup trip fanout classroom slow frames streams busy scale extension join journal devices arrays

BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
# What is installed is what pyproject.toml names, and the files that pip copies.
SOURCES := pyproject.toml $(shell find jupyter-config -type f 2>/dev/null)

export DASH_SOURCE ANCESTOR_SOURCE KRAKEN_SOURCE COMPONENTS_SOURCE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help demo test docs dist dist-test browsers test-lowest test-matrix test-dash fuzz faults model autobahn coverage others components lint format bench clean chromium

help:
	@echo "make demo    install, then JupyterLab on $(NOTEBOOK)"
	@echo "make test    install with the test dependencies and Chromium, then the whole suite"
	@echo "make docs    the documents as a site, into docs/_build/html; a warning or a link that leads nowhere is an error"
	@echo "make fuzz    a million random frames and 100,000 requests; FUZZ_ARGS=\"--seed 2 --seconds 60\""
	@echo "make faults  a bad network, killed and stopped programs, a full disk, in true time: a quarter of an hour"
	@echo "make model   whole apps and real pages in random histories against a model, ten minutes; MODEL_HISTORIES=5000"
	@echo "make coverage  which branches of core/ and transport/ the tests of their rooms leave out; of core/ none, or it fails"
	@echo "make autobahn  the Autobahn cases against our WebSockets, over all ways; AUTOBAHN_ARGS=\"--ways tls --cases 6.*\""
	@echo "make others  what others wrote, on our class; DASH_SOURCE=, ANCESTOR_SOURCE=, KRAKEN_SOURCE=, COMPONENTS_SOURCE= (docs/others.md)"
	@echo "make test-matrix  the tests that touch Dash (MATRIX_TESTS), with each of DASH_VERSIONS, in environments of their own"
	@echo "make test-lowest  the tests that touch Jupyter (LOWEST_TESTS), with the lowest version of each requirement"
	@echo "make components  who is called by an act, a push and an opening, for the props of component libraries (docs/components.md)"
	@echo "make browsers  pages, frames, a reconnect and the console in Firefox and WebKit (Debian's packages), some minutes"
	@echo "make lint    ruff, mypy --strict, the import contracts, tsc and eslint for the pages' scripts"
	@echo "make format  let ruff put the files in order"
	@echo "make bench   the benchmarks against other frameworks, into benchmarks/results/"
	@echo "make dist    the wheels of the package and of the extension alone, and the source distribution, checked, into dist/"
	@echo "make dist-test  both wheels in empty environments: JupyterLab, and a Jupyter server without Dash; minutes, needs the index"
	@echo "make clean   remove the virtual environment, stamps and caches"

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer (with its venv module) was not found." >&2; \
		echo "Install it (on Debian: apt-get install python3 python3-venv), or run: make PYTHON=/path/to/python" >&2; \
		exit 1; \
	fi
	"$(PYTHON)" -m venv "$(VENV)"
	"$(BIN)/python" -m pip install --quiet --upgrade pip

$(STAMP)-%: $(SOURCES) | $(BIN)/python
	@echo "installing the package with its dependencies for: $*"
	"$(BIN)/python" -m pip install --quiet --editable ".[$*]"
	@touch "$@"

# Dash brings an extension in source form, for which JupyterLab would ask to be built anew: no such check here.
demo: $(STAMP)-demo
	@echo "JupyterLab starts on $(NOTEBOOK); its URL follows. Ctrl-C ends it."
	"$(BIN)/python" -m jupyterlab --log-level=WARN $(if $(filter 0,$(shell id -u)),--allow-root) \
		--ServerApp.tornado_settings="{'page_config_data': {'buildCheck': False}}" \
		--LabApp.default_url="/lab/tree/$(NOTEBOOK)"

test: $(STAMP)-test chromium
	@.ci/install-npm "$(VENV)" configurable-http-proxy configurable-http-proxy "the tests behind a real JupyterHub will be skipped"
	@.ci/install-npm "$(VENV)" "axe-core@4" axe-core/axe.min.js "the tests of accessibility will be skipped"
	PATH="$(abspath $(VENV))/node/node_modules/.bin:$(abspath $(BIN)):$$PATH" "$(BIN)/python" -m pytest -n $(PYTEST_WORKERS) --dist loadfile $(PYTEST_ARGS)

docs: $(STAMP)-docs
	"$(BIN)/python" -m sphinx -b html -W --keep-going -q docs docs/_build/html
	"$(BIN)/python" docs/check_links.py docs/_build/html
	@echo "the site: docs/_build/html/index.html"

fuzz: $(STAMP)-test
	"$(BIN)/python" -m tests.fuzz $(FUZZ_ARGS)

# All of it, what `make test` leaves out as it takes minutes included.
faults: $(STAMP)-test chromium
	PATH="$(abspath $(BIN)):$$PATH" "$(BIN)/python" -m pytest tests/faults -m "long or not long" $(FAULTS_ARGS)

model: $(STAMP)-test
	MODEL_HISTORIES=$(MODEL_HISTORIES) "$(BIN)/python" -m pytest tests/model -m "long or not long" $(MODEL_ARGS)

coverage: $(STAMP)-test chromium
	"$(BIN)/python" -m coverage run -m pytest tests/core tests/transport $(COVERAGE_ARGS)
	@"$(BIN)/python" -m coverage report --include="*/core/*" && echo "of transport/:" && \
		"$(BIN)/python" -m coverage report --include="*/transport/*" --fail-under=97

autobahn: $(STAMP)-test
	"$(BIN)/python" -m tests.autobahn $(AUTOBAHN_ARGS)

others: $(STAMP)-others $(if $(KRAKEN_SOURCE),$(STAMP)-kraken) $(if $(COMPONENTS_SOURCE),$(STAMP)-examples)
	@.ci/install-chromium driver
	PATH="$(abspath $(BIN)):$$PATH" "$(BIN)/python" -m tests.others $(OTHERS_ARGS)

components: $(STAMP)-others chromium
	"$(BIN)/python" -m tests.components $(COMPONENTS_ARGS)

# The oldest Dash that is supported, and the newest that the index gives, pre-releases too, below our upper bound.
test-matrix:
	@for version in $(DASH_VERSIONS); do \
		echo "== Dash $$version"; \
		$(MAKE) --no-print-directory test-dash VENV="$(VENV)-dash$$version" DASH="$$version" || exit 1; \
	done

# With the Dash of the environment's name: `make test-matrix` calls it.
test-dash: $(STAMP)-test chromium
	"$(BIN)/python" -m pip install --quiet --upgrade --pre --editable . $(if $(filter newest,$(DASH)),dash,"dash==$(DASH)")
	@"$(BIN)/python" -c "import dash; print('with Dash', dash.__version__)"
	PATH="$(abspath $(BIN)):$$PATH" "$(BIN)/python" -m pytest $(MATRIX_TESTS) $(PYTEST_ARGS)

# The lowest version of each requirement that pyproject.toml names, JupyterLab, Jupyter's server and IPython's kernel among them.
# By uv: pip tries versions of what the tests need for hours.
test-lowest: chromium
	[ -x "$(VENV)-lowest/bin/python" ] || "$(PYTHON)" -m venv "$(VENV)-lowest"
	"$(VENV)-lowest/bin/python" .ci/lowest >"$(VENV)-lowest/constraints.txt"
	"$(VENV)-lowest/bin/python" -m pip install --quiet uv
	"$(VENV)-lowest/bin/uv" pip install --quiet --python "$(VENV)-lowest/bin/python" --constraint "$(VENV)-lowest/constraints.txt" --editable ".[test]"
	JUPYTER_PLATFORM_DIRS=1 PATH="$(abspath $(VENV)-lowest/bin):$$PATH" "$(VENV)-lowest/bin/python" -m pytest $(LOWEST_TESTS) $(PYTEST_ARGS)

# The smoke suite of a page in Firefox and WebKit, of Debian.
browsers: $(STAMP)-test chromium
	@.ci/install-browsers
	PATH="$(abspath $(BIN)):$$PATH" "$(BIN)/python" -m pytest tests/acceptance/test_other_browsers.py -m "long or not long" $(PYTEST_ARGS)

lint: $(STAMP)-lint
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy" --strict
	"$(BIN)/lint-imports"
	@.ci/install-npm "$(VENV)" "typescript@5.9" tsc "the types of the pages' scripts are not checked"
	@.ci/install-npm "$(VENV)" "eslint@9" eslint "the pages' scripts are not linted"
	@PATH="$(abspath $(VENV))/node/node_modules/.bin:$(abspath $(BIN)):$$PATH"; status=0; \
		! command -v tsc >/dev/null || { echo tsc; tsc --project . || status=$$?; }; \
		! command -v eslint >/dev/null || { echo eslint; eslint dash_devices_nb benchmarks tests eslint.config.mjs || status=$$?; }; exit $$status

format: $(STAMP)-lint
	"$(BIN)/ruff" check --fix .
	"$(BIN)/ruff" format .

bench: $(STAMP)-bench chromium
	@for name in $(BENCHMARKS); do echo "== $$name"; "$(BIN)/python" -m benchmarks $$name || exit 1; done

# The package's own files are compared with those of the tree, so that no script, style or template is left out.
dist: $(STAMP)-dist
	rm -rf dist
	"$(BIN)/python" -m build --outdir dist .
	"$(BIN)/python" -m build --wheel --outdir dist jupyter-config/server-only
	"$(BIN)/python" -m twine check --strict dist/*
	"$(BIN)/check-wheel-contents" dist/dash_devices_nb-*.whl
	"$(BIN)/check-wheel-contents" --no-config --toplevel dash_devices_nb_server,dash_devices_nb_server.pth dist/dash_devices_nb_server-*.whl

# Both distributions in empty environments: what `make test` leaves out as it takes minutes.
dist-test: $(STAMP)-test chromium
	PATH="$(abspath $(BIN)):$$PATH" "$(BIN)/python" -m pytest tests/test_installed_wheel.py tests/server/test_two_environments.py -m "long or not long"

chromium:
	@.ci/install-chromium

clean:
	rm -rf "$(VENV)" "$(VENV)"-dash* "$(VENV)-lowest" build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis tests/artifacts
	find . -name __pycache__ -type d -not -path "./.git/*" -prune -exec rm -rf {} +
