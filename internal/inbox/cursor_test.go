package inbox_test

import (
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/leaktest"
)

func TestCursorIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, seq := range []int64{0, 1, 127, 128, 1 << 40} {
		want := inbox.Cursor{Epoch: "AbCdEf_-", Seq: seq}
		if got, ok := inbox.ParseCursor(want.String()); !ok || got != want {
			t.Errorf("%v came back as %v, %v", want, got, ok)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	for _, seed := range []string{"", "x", "QWJDZEVmXy0A", "QWJDZEVmXy2AgICAgICAgICAAQ", "🦊", "QWJDZEVmXy0A="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var cursor inbox.Cursor
		var ok bool
		leaktest.Bounded(t, func() { cursor, ok = inbox.ParseCursor(text) })
		if ok && (cursor.Seq < 0 || cursor.String() != text) {
			t.Errorf("%q became %v", text, cursor)
		}
	})
}
