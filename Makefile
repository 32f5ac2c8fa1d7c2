# `make demo` and `make test` do all the set-up they need; `make check` is what CI runs besides.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_WORKERS ?= auto

.PHONY: demo test fuzz test-all bench check format docs servers schema reference pictures messages clean

demo: $(VENV)/.ready
	@$(BIN)/connector demo

test: $(VENV)/.ready
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) -q

# The property tests with new examples each time, for as long as it takes.
fuzz: $(VENV)/.ready
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -n $(PYTEST_WORKERS) -q -m hypothesis --timeout 3600

# Every CPython from 3.11 on that the machine has, pyenv's included.
test-all:
	PYTHON="$(PYTHON)" PYTEST_WORKERS="$(PYTEST_WORKERS)" tests/test_all.sh

# Beside its peers, in about half an hour; writes docs/performance.md and the README's table.
# For a look that writes nothing: .venv/bin/python -m tests.bench --quick
bench: $(VENV)/.ready
	$(BIN)/python -m tests.bench --write $(BENCH)

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The documentation as a site, in .site/; what is broken in it is an error.
docs: $(VENV)/.ready
	$(BIN)/python -m sphinx -W --keep-going -n -q -j auto -c docs -d .site/.doctrees . .site

# Mail servers for the tests, unpacked into .servers/; nothing is installed on the machine.
servers:
	tests/servers/install

# The files that are made from the SMTP config's model.
schema: $(VENV)/.ready
	$(BIN)/python -m connectors.smtp.schema
	$(BIN)/connector schema --host-file > docs/connectors.schema.json

# The pages of docs/reference that are made from the code, and what editors read.
reference: schema
	$(BIN)/python -m tests.reference

# The pictures of docs/pictures, from real runs against emulated servers; look at them afterwards.
pictures: $(VENV)/.ready
	$(BIN)/python -m tests.pictures $(PICTURES)

# The texts for people, as the sources have them, for translators; and what gettext reads.
messages: $(VENV)/.ready
	$(BIN)/python -m tests.i18n.messages

clean:
	rm -rf $(VENV) .venvs .servers .site .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "connector-core needs Python 3.11 or newer; this is $$($(PYTHON) -V). Say: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[css,dkim,inbox,oauth2,proxy,speed]' --group dev
	@touch $@
