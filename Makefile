# The developer's commands. CI runs .ci/run, which uses these and nothing else.

.PHONY: help setup run test bench lint docs release clean

help:
	@echo 'make run     builds what is missing and starts a gateway with a demo on this machine'
	@echo 'make test    runs all tests; starts and removes what they need'
	@echo 'make lint    checks format, lints and docs, warnings being errors'
	@echo 'make bench   measures the router and plugin calls'
	@echo 'make docs    builds the API docs of the code'
	@echo 'make release builds the program for production: target/trained/weir'
	@echo 'make setup   installs what the others need (they do it themselves)'

setup:
	@.make/setup.sh all

run:
	@.make/setup.sh build
	@.make/run.sh

test:
	@.make/setup.sh all
	@.make/test.sh

lint:
	@.make/setup.sh build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked

bench:
	@.make/setup.sh build
	cargo bench -p weir --locked

docs:
	@.make/setup.sh build
	cargo doc --workspace --no-deps --locked

release:
	@.make/setup.sh release
	@.make/release.sh

clean:
	rm -rf .weir
	cargo clean
