package jobs

import (
	"strings"
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

// FuzzFleet looks for an address of several servers that panics, that names none, or whose refusal quotes a password.
func FuzzFleet(f *testing.F) {
	for _, seed := range []string{"a:1,b?master=m", "u:SECRET@a,[::1]:7/3?master=m&sentinel_password=SECRET", "a,,b", ":SECRET@/0?master=", "a:SECRET:1?x=SECRET", "%zz:SECRET@a", ":half?SECRET@a"} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, rest string, cluster bool) {
		scheme := "redis-sentinel://"
		if cluster {
			scheme = "redis-cluster://"
		}
		o, err := parseFleet(scheme+rest, cluster)
		if err != nil {
			if strings.Contains(err.Error(), "SECRET") {
				t.Fatalf("%q is refused with %q", rest, err)
			}
			return
		}
		if len(o.Addrs) == 0 || o.DB < 0 || cluster && o.DB != 0 || !cluster && o.MasterName == "" {
			t.Fatalf("%q is %+v", rest, o)
		}
	})
}
