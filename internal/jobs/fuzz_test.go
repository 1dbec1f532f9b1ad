package jobs

import (
	"testing"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
)

// FuzzTask looks for a payload in Redis that panics, or that a handler would work on without a tenant.
func FuzzTask(f *testing.F) {
	for _, seed := range []string{`{"v":1,"tenant":"018f0000-0000-7000-8000-000000000001","id":"018f0000-0000-7000-8000-000000000002","gen":3}`, `{"v":2}`, `{}`, `null`, "\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parse(asynq.NewTask(taskDrain, data))
		if err == nil && (p.V != taskVersion || p.Tenant == uuid.Nil || p.ID == uuid.Nil) {
			t.Fatalf("%q is taken as %+v", data, p)
		}
	})
}
