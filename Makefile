# Every target makes the environment it needs below .venv/ from constraints.txt.
# Needs: Python 3.11 with venv (Debian: apt install python3-venv), make.

PYTHON ?= python3.11
SOURCES := erniekit_finetuning synthetic_invoice_generator app
CODE := $(SOURCES) tests benchmarks examples setup.py

.PHONY: demo test lint bench base test-ray test-erniekit fuzz schemathesis soak fonts browser schema clean help

help:
	@echo "make demo      the whole loop on generated invoices, about 6 minutes after the install"
	@echo "make test      install and run the tests"
	@echo "make lint      ruff and mypy"
	@echo "make bench     benchmarks, as ratios to a bare lower bound"
	@echo "make base      pre-train the small base model again (25 minutes on one GPU, weeks on 2 cores)"
	@echo "make fuzz      readers of values, JSON and XML against hostile input; RUNS=1000000"
	@echo "make schemathesis  the service against its OpenAPI document; EXAMPLES=300"
	@echo "make soak      the service under abuse; MINUTES=10"
	@echo "make schema    write docs/invoice.schema.json from the model"
	@echo "make test-ray  data sets on a Ray cluster of this machine"
	@echo "make test-erniekit  our training files through ERNIEKit 1.0.1, in an environment of its own"
	@echo "make fonts     typefaces of the synthetic invoices, by apt-get"
	@echo "make browser   Chromium, in which tests open report, desk and chat, by apt-get"

demo: .venv/demo/installed
	.venv/demo/bin/ernie-invoice demo

# Two files at a time: what the tests of a file share is made once. PROCESSES=0 is one after the other.
PROCESSES ?= 2
test: .venv/test/installed
	.venv/test/bin/python -m pytest -n $(PROCESSES) --dist loadfile $(ARGS)

lint: .venv/test/installed
	.venv/test/bin/ruff check $(CODE)
	.venv/test/bin/ruff format --check $(CODE)
	.venv/test/bin/mypy

bench: .venv/bench/installed
	for file in benchmarks/bench_*.py; do echo "== $$file"; .venv/bench/bin/python $$file || exit 1; done

base: .venv/test/installed
	.venv/test/bin/python -m erniekit_finetuning.base.prepare \
		--config configs/ernie-4.5-tiny/pretrain.yaml --output runs/base
	.venv/test/bin/python -m erniekit_finetuning.base.pretrain \
		--config configs/ernie-4.5-tiny/pretrain.yaml --output runs/base
	.venv/test/bin/python -m erniekit_finetuning.base.publish \
		--run runs/base --output erniekit_finetuning/assets/ernie-4.5-tiny
	mkdir -p runs/further
	cp -rn runs/base/drawn runs/base/held_out_* runs/base/tokenizer runs/further
	.venv/test/bin/python -m erniekit_finetuning.base.pretrain \
		--config configs/ernie-4.5-tiny/further.yaml --output runs/further
	.venv/test/bin/python -m erniekit_finetuning.base.publish \
		--run runs/further --output erniekit_finetuning/assets/ernie-4.5-tiny --curve curve_further.png

test-ray: .venv/ray/installed
	.venv/ray/bin/python -m pytest tests/ray $(ARGS)

# First its treatment of good and wrong rows, then the files that our own command writes.
test-erniekit: .venv/erniekit/installed .venv/test/installed
	mkdir -p runs/upstream
	.venv/test/bin/ernie-invoice recipe show configs/ernie-4.5-tiny/invoice.yaml --engine erniekit \
	  --device cpu training.precision=bfloat16 data.packing=true training.max_steps=1 \
	  data.validation_share=0 lora.r=4 lora.lora_alpha=12 \
	  training.logging_steps=1 > runs/upstream/recipe.yaml
	UPSTREAM_RECIPE=$(CURDIR)/runs/upstream/recipe.yaml \
	  .venv/erniekit/bin/python -m pytest tests/upstream/test_erniekit_reads.py $(ARGS)
	.venv/test/bin/python tests/upstream/our_files.py runs/upstream
	UPSTREAM_ERNIEKIT=runs/upstream/erniekit.jsonl UPSTREAM_ALPACA=runs/upstream/alpaca.jsonl \
	  .venv/erniekit/bin/python -m pytest tests/upstream/test_erniekit_reads.py -k every_row $(ARGS)

RUNS ?= 1000000
fuzz: .venv/fuzz/installed
	.venv/fuzz/bin/python tests/fuzz/make_corpus.py runs/fuzz/corpus
	.venv/fuzz/bin/python tests/fuzz/fuzz_invoice.py -runs=$(RUNS) -max_len=8192 -timeout=10 \
		-artifact_prefix=runs/fuzz/ runs/fuzz/corpus

EXAMPLES ?= 300
schemathesis: .venv/test/installed
	.venv/test/bin/python -m tests.soak.against_document --examples $(EXAMPLES)

MINUTES ?= 10
soak: .venv/test/installed
	.venv/test/bin/python -m tests.soak.soak --minutes $(MINUTES)

# Typefaces of the synthetic invoices; without them a few that typst brings along are drawn.
fonts:
	apt-get install -y --no-install-recommends fonts-liberation2 fonts-crosextra-carlito \
	  fonts-crosextra-caladea fonts-lato fonts-noto-core fonts-noto-cjk fonts-courier-prime \
	  fonts-dancingscript

# What tests open report, desk and chat in; without it they skip.
browser:
	apt-get install -y --no-install-recommends chromium

schema: .venv/test/installed
	.venv/test/bin/python -m erniekit_finetuning.invoice.own_json > docs/invoice.schema.json

.venv/demo/installed: EXTRAS = cpu,ocr,app
.venv/test/installed: EXTRAS = cpu,hf,ocr,app,tensorboard,test
.venv/fuzz/installed: EXTRAS = fuzz
.venv/bench/installed: EXTRAS = cpu,hf,ocr,app,bench
.venv/ray/installed: EXTRAS = ray,test

# The stamp is written last: an install that was killed starts over from an empty environment.
.venv/%/installed: constraints.txt setup.py
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet -c constraints.txt -e ".[$(EXTRAS)]"
	touch $@

# ERNIEKit wants an older Paddle than the engine; nothing of ours is installed beside it.
.venv/erniekit/installed: constraints-erniekit.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet -c constraints-erniekit.txt \
		erniekit paddlepaddle pytest
	touch $@

clean:
	rm -rf .venv runs build *.egg-info
