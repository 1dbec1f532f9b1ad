package inbox_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// TestTransitionsAreAsPublished compares the table with the one that ARCHITECTURE.md shows.
func TestTransitionsAreAsPublished(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, published, _ := strings.Cut(string(text), "```transitions\n")
	published, _, _ = strings.Cut(published, "```")
	var lines []string
	for _, op := range inbox.Operations() {
		cells := []string{string(op)}
		for _, from := range inbox.Statuses() {
			move, err := inbox.Next(op, from)
			if move.Refused() != fault.Is(err, fault.Conflict) || move.Refused() != (move.Refusal != "") {
				t.Errorf("%s in %s: refused %v, error %v, why %q", op, from, move.Refused(), err, move.Refusal)
			}
			var told *fault.Error
			if errors.As(err, &told) && (told.Details["reason"] != "STATUS" || told.Details["status"] != string(from)) {
				t.Errorf("%s in %s: a program is told %v", op, from, told.Details)
			}
			to := string(move.To)
			switch {
			case move.Refused():
				to = "-"
			case move.Event == "":
				to = "."
			}
			cells = append(cells, fmt.Sprintf("%s:%s", from, to))
		}
		lines = append(lines, strings.Join(cells, " "))
	}
	var want []string
	for line := range strings.Lines(strings.TrimSpace(published)) {
		want = append(want, strings.Join(strings.Fields(line), " "))
	}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("the table is\n%s", got)
	}
	if n := len(inbox.Transitions()); n != len(inbox.Operations())*len(inbox.Statuses()) {
		t.Errorf("the table has %d rows: one is missing or there twice", n)
	}
	if _, err := inbox.Next("FORGET", inbox.StatusOpen); !fault.Is(err, fault.Conflict) {
		t.Errorf("an unknown operation: %v, want CONFLICT", err)
	}
}
