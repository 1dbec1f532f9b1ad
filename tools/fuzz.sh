#!/usr/bin/env bash
# Feeds every fuzz target of the tree with generated inputs, one target after the other. `make fuzz` calls it.
#
#   FUZZ_INPUTS=1000000   inputs for each target
#   FUZZ_ONLY=Phone       only targets whose name matches
#   FUZZ_KEEP=0           how many of the inputs that reached new code to copy into testdata/fuzz of each target that has none yet
#
# An input that breaks a target is written to testdata/fuzz of its package by the go command; it stays there, and `go test` runs it ever
# after. Ends with exit code 1 when any target broke, or ran fewer inputs than were asked for.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

inputs=${FUZZ_INPUTS:-1000000}
keep=${FUZZ_KEEP:-0}
cache=$(go env GOCACHE)/fuzz/$(go list -m)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
found=0

# keep_corpus copies the smallest inputs of a target, which say most about what the parser distinguishes.
keep_corpus() {
	local from="$cache/$1/$2" to="$1/testdata/fuzz/$2"
	[[ $keep -gt 0 && -d $from && ! -d $to ]] || return 0
	mkdir -p "$to"
	find "$from" -type f -size -2k -printf '%s %p\n' | sort -n | head -n "$keep" | cut -d' ' -f2- | xargs -r cp -t "$to"
}

while IFS=: read -r file _ text; do
	target=$(sed -E 's/func (Fuzz[A-Za-z0-9_]*).*/\1/' <<<"$text")
	[[ $target =~ ${FUZZ_ONLY:-.} ]] || continue
	found=1
	dir=$(dirname "$file")
	started=$SECONDS
	outcome=ok
	go test -run '^$' -fuzz "^$target\$" -fuzztime "${inputs}x" -fuzzminimizetime 10s "./$dir" >"$log" 2>&1 || outcome=BROKEN
	ran=$(grep -oE 'execs: [0-9]+' "$log" | tail -1 | cut -d' ' -f2)
	if [[ $outcome == ok && ${ran:-0} -lt $inputs ]]; then # the go command is content with a target that skips, or that it does not find
		outcome=SHORT
	fi
	if [[ $outcome != ok ]]; then
		failed=1
		cat "$log"
	fi
	printf '%-7s %10s inputs %5d s  %s.%s\n' "$outcome" "${ran:-0}" $((SECONDS - started)) "$dir" "$target"
	keep_corpus "$dir" "$target"
done < <(grep -rnE '^func Fuzz[A-Za-z0-9_]*\(f \*testing\.F\)' --include='*_test.go' cmd db graph internal | sort)

((found)) || { echo "no fuzz target matches FUZZ_ONLY=${FUZZ_ONLY:-}" >&2; exit 1; }
exit $failed
