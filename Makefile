# The two commands: `make demo` inspects the sample parts, `make test` checks everything.

PYTHON := $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check -qq
APT := $(if $(filter 0,$(shell id -u)),,sudo -n) env DEBIAN_FRONTEND=noninteractive apt-get -qq

.PHONY: demo test clean system

demo: .venv/base.stamp
	@rm -rf out/demo
	$(BIN)/goodparts inspect samples/model samples/images --out out/demo --overlays all
	@echo "Open out/demo/index.html in a browser."

test: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n auto

clean:
	rm -rf .venv out

# Stamps: packages are installed again only when the dependencies change.
.venv/test.stamp: .venv/base.stamp
	@echo "Installing the training and development packages (torch is large: some minutes) ..."
	@$(PIP) install -e '.[train,dev]'
	@touch $@

.venv/base.stamp: pyproject.toml | system
	@echo "Installing the inspection packages into .venv ..."
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	@$(PIP) install -e .
	@touch $@

system:
	@test -n "$(PYTHON)" || { echo "goodparts needs Python 3.11 or newer: please install it."; exit 1; }
	@missing=""; \
	command -v tesseract >/dev/null || missing="$$missing tesseract-ocr"; \
	$(PYTHON) -c 'import sys, ctypes.util as u; sys.exit(not u.find_library("zbar"))' || missing="$$missing libzbar0"; \
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || missing="$$missing $(PYTHON)-venv"; \
	test -z "$$missing" && exit; echo "Installing$$missing ..."; \
	{ $(APT) update && $(APT) install -y --no-install-recommends $$missing; } >/dev/null 2>&1 \
	|| { echo "Please install what is missing, then try again: sudo apt-get install$$missing"; exit 1; }
