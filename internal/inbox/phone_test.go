package inbox_test

import (
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

func TestNormalizePhone(t *testing.T) {
	t.Parallel()
	for _, spelling := range []string{"+27821234567", "27821234567", "0027821234567", "+27 82 123 4567", " +27 (82) 123-4567 ", "+27.82.123.4567"} {
		if got, err := inbox.NormalizePhone(spelling); err != nil || got != "+27821234567" {
			t.Errorf("%q = %q, %v", spelling, got, err)
		}
	}
	for _, wrong := range []string{"", "+", "hello", "0821234567", "+2782", "+999123456789012345", strings.Repeat("1", 10_000), "+27\x0082"} {
		if got, err := inbox.NormalizePhone(wrong); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q = %q, %v", wrong, got, err)
		}
	}
}
