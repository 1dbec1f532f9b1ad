#!/usr/bin/env bash
# Runs every property of the tree with the figures of a night, one after the other. `make properties` calls it.
#
#   PROPERTY_CHECKS=20000        series of each state machine
#   PROPERTY_STEPS=100           the longest series; every other one is as long
#   PROPERTY_HISTORIES=2000      histories that are checked for linearizability
#   PROPERTY_ORDERS=1000000      random cases of a property that drives no machine
#   PROPERTY_ONLY=Snooze         only properties whose name matches
#
# A property is a test that calls rapid or porcupine; it is a state machine when it takes its length from PROPERTY_STEPS or repeats rapid's
# actions. What breaks one is written to testdata/rapid of its package, and its output says how to run it again. Ends with exit code 1
# when any broke.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

checks=${PROPERTY_CHECKS:-20000}
orders=${PROPERTY_ORDERS:-1000000}
export PROPERTY_STEPS=${PROPERTY_STEPS:-100} PROPERTY_HISTORIES=${PROPERTY_HISTORIES:-2000}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
broken=0
found=0

# properties prints "file test kind" for each property.
properties() {
	grep -rlE 'rapid\.Check\(|porcupine\.Check' --include='*_test.go' cmd db graph internal | sort | xargs awk '
		function told() { if (kind != "" && name != "") print file, name, kind; kind = ""; name = "" }
		FNR == 1 { told() }
		/^func / { told(); if (match($0, /^func Test[A-Za-z0-9_]*/)) { file = FILENAME; name = substr($0, 6, RLENGTH - 5) } }
		/porcupine\.Check/ { if (kind == "") kind = "history" }
		/rapid\.Check\(/ { if (kind != "machine") kind = "orders" }
		/PROPERTY_STEPS|\.Repeat\(/ { kind = "machine" }
		END { told() }'
}

while read -r file test kind; do
	[[ $test =~ ${PROPERTY_ONLY:-.} ]] || continue
	found=1
	flags=()
	case $kind in
	machine) flags=("-rapid.checks=$checks" "-rapid.steps=$PROPERTY_STEPS") figure="$checks series" ;;
	orders) flags=("-rapid.checks=$orders") figure="$orders cases" ;;
	history) figure="$PROPERTY_HISTORIES histories" ;;
	esac
	started=$SECONDS
	outcome=ok
	if ! go test -count=1 -timeout 0 -v -run "^$test\$" "./$(dirname "$file")" ${flags[@]+"${flags[@]}"} >"$log" 2>&1; then
		outcome=BROKEN broken=1
		cat "$log"
	elif ! grep -q "^--- PASS: $test " "$log"; then
		outcome=ABSENT broken=1
		cat "$log"
	fi
	printf '%-7s %18s %6d s  %s.%s\n' "$outcome" "$figure" $((SECONDS - started)) "$(dirname "$file")" "$test"
done < <(properties)

((found)) || { echo "no property matches PROPERTY_ONLY=${PROPERTY_ONLY:-}" >&2; exit 1; }
exit $broken
