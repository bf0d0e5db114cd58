# Qingyun: the two commands are `make run` and `make test`. `make` alone prints every target.

# Settings count when given on the command line: PORT or CITY of somebody's shell mean something else.
given = $(if $(filter command,$(firstword $(origin $1))),$($1),$2)
ifneq ($(call given,CITY),)
export QINGYUN_CITY := $(CITY)
endif
ifneq ($(call given,RATE),)
export QINGYUN_CLOCK_RATE := $(RATE)
endif
ifneq ($(call given,PORT),)
export QINGYUN_GATEWAY_PORT := $(PORT)
endif

PYTHON := .venv/bin/python
STAMP := .venv/requirements.stamp
LOCAL := $(PYTHON) -m deploy.local
MADE := [ -f $(STAMP) ]
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run stop status measure doctor reset setup replay-real check format test test-long test-beside simulate crash crash-streams bench bench-streams bench-optimizer bench-store bench-pages screenshots lock

##@ Run · 运行
run: $(STAMP) ## The whole system, until Ctrl-C: make run CITY=porto RATE=10 PORT=8080
	@$(LOCAL) run

# What looks or ends takes .venv as it is: it must work while .venv is made, and without the network after an update.
stop: ## End it from another terminal, or what a crash left
	@if $(MADE); then $(LOCAL) stop; else sh deploy/environment.sh --stop; fi

reset: $(STAMP) ## Delete the data (.data/) after asking
	@$(LOCAL) reset

replay-real: $(STAMP) ## Play 68 real garbage trucks into the running system: RATE=600
	@QINGYUN_CLOCK_RATE= $(LOCAL) tool replay-real --rate $(call given,RATE,600)

##@ See · 查看
status: ## What is alive, how far behind, and why something is not healthy
	@if $(MADE); then $(LOCAL) status; else sh deploy/environment.sh --status; fi

measure: $(STAMP) ## Watch the running system as a page does: how fast is it? MINUTES=3
	@$(LOCAL) measure --minutes $(call given,MINUTES,3)

screenshots: $(STAMP) ## Pictures of every page, both languages and themes, wide and narrow: ONLY=driver (python -m tests.screenshots --help)
	@$(LOCAL) setup
	@$(PYTHON) -m tests.screenshots $(if $(call given,ONLY,),--only $(ONLY))

doctor: $(STAMP) ## What a start needs, and what to do about it
	@$(LOCAL) doctor

##@ Check · 检查
setup: $(STAMP) ## Fetch and build what run and test need first
	@$(LOCAL) setup

check: $(STAMP) ## Lint, format, types, arrows between the parts, pages
	@sh deploy/check.sh

format: $(STAMP) ## Format the Python code
	@.venv/bin/ruff format && .venv/bin/ruff check --fix

test: $(STAMP) ## Every test: unit, property, integration on real parts, end to end in a browser
	@$(LOCAL) setup
	@$(PYTHON) -m $(if $(call given,TESTS,),pytest $(TESTS),tests.lanes)

test-long: $(STAMP) ## The tests of minutes that `make test` leaves out: exact crash points, a full disk, every page's looks
	@$(LOCAL) setup
	@$(PYTHON) -m pytest -m long tests/integration tests/end_to_end

test-beside: $(STAMP) ## Each known fault done to plain Faust and to ours: half an hour
	@$(LOCAL) setup
	@$(PYTHON) -m pytest -m beside tests/integration

crash: $(STAMP) ## Kill, stop and pause each process of the whole system, judge everything that is left: SEEDS=1-3
	@$(LOCAL) setup
	@$(PYTHON) -m tests.crash --seeds $(call given,SEEDS,1-3)

crash-streams: $(STAMP) ## Streams and tables under kills, silent and broken ways, unknown commits: SEEDS=1-100, under a minute each
	@$(LOCAL) setup
	@$(PYTHON) -m tests.crash.streams --seeds $(call given,SEEDS,1-3)

simulate: $(STAMP) ## The streams under seeded faults in virtual time: SEEDS=417, SEEDS=1-3000, BUGS=all (planted ones)
	@$(PYTHON) -m tests.simulation $(call given,SEEDS,1-200) $(if $(call given,BUGS,),--bugs) $(if $(call given,OUT,),-o $(OUT))

bench: $(STAMP) ## Events per core-second, plan times, rows a second
	@$(PYTHON) -m streams bench
	@$(PYTHON) -m optimizer bench
	@$(PYTHON) -m tests.benchmarks.recorder

bench-streams: $(STAMP) ## The worker beside its peers, fix to alert, pauses, recovery: half an hour
	@$(PYTHON) -m tests.benchmarks.shell
	@$(PYTHON) -m tests.benchmarks.delay
	@$(PYTHON) -m tests.benchmarks.takeover
	@$(PYTHON) -m tests.benchmarks.sharing
	@$(PYTHON) -m tests.benchmarks.faults

bench-optimizer: $(STAMP) ## Routes beside PyVRP at equal CPU seconds, every plan judged
	@$(PYTHON) -m tests.benchmarks.routes

bench-store: $(STAMP) ## A year of positions: bytes a row, a truck's hour, the map's start: DAYS=4
	@$(PYTHON) -m tests.benchmarks.store --days $(call given,DAYS,4)

bench-pages: $(STAMP) ## The pages with 1,000 trucks and 20,000 bins in a real browser, asked and measured: MINUTES=3
	@$(LOCAL) setup
	@$(PYTHON) -m tests.benchmarks.pages --minutes $(call given,MINUTES,3)

##@ Develop · 开发
lock: $(STAMP) ## Pin all dependencies anew: requirements.lock, Kafka's jars
	@.venv/bin/uv pip compile requirements.in --generate-hashes --no-emit-index-url --universal --python-version 3.12 --no-header --quiet --output-file requirements.lock
	@$(LOCAL) lock-jars

help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo

# The virtual environment: made anew when the lock is another than the one it was made from.
$(STAMP): requirements.lock deploy/environment.py
	@sh deploy/environment.sh
