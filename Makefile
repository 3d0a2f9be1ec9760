# What people do here. Each line can be typed by hand as well.

.PHONY: help check test browser services race fuzz mutate bench torture shop sandbox ci

help: ## list these
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1	\2/p' Makefile | expand -t 12

check: ## format, vet, golangci-lint and the linters of this project: about a minute
	.ci/check

test: ## every module's tests; those that want a server skip without it
	go test work

browser: ## the shop's pages in Chromium: about a minute
	go test -tags chromium -run '^TestInChromium$$' ./examples/shop

services: ## PostgreSQL, MariaDB and Redis for the tests
	docker compose up --wait

race: ## every module's tests under the race detector: some ten minutes
	go test -race -gcflags='modernc.org/...=-race=false' -timeout 25m work

fuzz: ## a minute of one fuzzer: make fuzz PACKAGE=./connect NAME=FuzzReturnTo
	go test -run '^$$' -fuzz '^$(NAME)$$' -fuzztime 1m $(PACKAGE)

mutate: ## change the code in each of the listed ways, and see a test fail: ten minutes
	go run ./internal/mutate

bench: ## what the middleware costs beside its peers
	GOWORK=off go -C bench run ./report

torture: ## purchases under kills and faults on each database, and then 2,000 on SQLite
	go test -tags torture ./internal/torture
	go run ./internal/torture -purchases 2000 -kill 20

shop: ## the example, with a sandbox
	go run ./examples/shop

sandbox: ## a Gloebit on this machine
	go run ./cmd/gloebit-sandbox

ci: ## all of it, as CI does
	.ci/run
