#!/usr/bin/env bash
# Runs every test and ends with one line that counts them. `make test` calls it after it has installed and built what tests need.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
SWITCHBOARD_CHROMIUM=$(tools/setup.sh browser) || exit 1
export SWITCHBOARD_CHROMIUM

node tools/mutants.mjs --fits || exit 1 # at once: what it says would be lost above the count
go test -race -timeout 20m -json "${@:-./...}" >"$log"
status=$?
node tools/test-report.mjs "$log" || status=1
exit $status
