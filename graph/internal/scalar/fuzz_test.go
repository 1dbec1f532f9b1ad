package scalar

import (
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// FuzzScalars looks for a text that panics, that is refused without a remedy, or that is read and comes back as another one.
func FuzzScalars(f *testing.F) {
	for _, seed := range []string{
		"018f0000-0000-7000-8000-000000000001", "{018f0000-0000-7000-8000-00000000001}", "2026-11-21T08:30:00Z", "2026-11-21T08:30:00.1234567+14:00",
		"0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "a\x00b", "\xff", strings.Repeat("x", 300), "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := UnmarshalID(text)
		refusedKindly(t, text, err)
		if err == nil && !strings.EqualFold(id.String(), text) {
			t.Fatalf("%q is read as the id %s", text, id)
		}
		at, err := UnmarshalTime(text)
		refusedKindly(t, text, err)
		if err == nil {
			again, err := UnmarshalTime(at.Format(timeLayout))
			if err != nil || !again.Equal(at) || at.Location() != time.UTC || at.Nanosecond()%1000 != 0 {
				t.Fatalf("%q is read as %s, and that as %s, %v", text, at, again, err)
			}
		}
		plain, err := UnmarshalString(text)
		refusedKindly(t, text, err)
		if (err == nil) == strings.Contains(text, "\x00") || err == nil && plain != text {
			t.Fatalf("%q is read as the text %q, %v", text, plain, err)
		}
		cursor, err := UnmarshalCursor(text)
		if err != nil || len(cursor) > maxCursorLength || !strings.HasPrefix(text, cursor) || len(text) <= maxCursorLength && cursor != text {
			t.Fatalf("%q is read as the cursor %q, %v", text, cursor, err)
		}
	})
}

func refusedKindly(t *testing.T, text string, err error) {
	t.Helper()
	if err != nil && (!fault.Is(err, fault.Invalid) || err.Error() == "" || len(text) > 50 && strings.Contains(err.Error(), text)) {
		t.Fatalf("%q is refused with %v", text, err)
	}
}
