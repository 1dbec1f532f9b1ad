package db

import (
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// FuzzNotice looks for a NOTIFY payload, which anybody with a connection can send, that panics or wakes nobody's stream.
func FuzzNotice(f *testing.F) {
	for _, seed := range []string{"018f0000-0000-7000-8000-000000000001 7", "", " ", "018f0000-0000-7000-8000-000000000001 -1", "x 99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		tenant, seq, ok := parseNotice(payload)
		if ok && (tenant == inbox.TenantID{} || seq < 0) {
			t.Fatalf("%q wakes %v at %d", payload, tenant, seq)
		}
	})
}
