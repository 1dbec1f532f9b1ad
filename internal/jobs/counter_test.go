package jobs_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/dbtest"
)

// H13: what processes count under one key is one number, it begins anew after its time, and a Redis that is away is told.
func TestCountIsSharedByAll(t *testing.T) {
	t.Parallel()
	server := dbtest.OwnRedis(t)
	one, other := newLimiter(t, server.URL(), 1), newLimiter(t, server.URL(), 1)
	key, short := "tries:"+uuid.NewString(), "tries:"+uuid.NewString()
	for want := 1; want <= 6; want += 2 {
		first, _, err := one.Count(t.Context(), key, time.Minute)
		if err != nil || first != want {
			t.Fatalf("counted %d, %v", first, err)
		}
		second, left, err := other.Count(t.Context(), key, time.Minute)
		if err != nil || second != want+1 || left <= 0 || left > time.Minute {
			t.Fatalf("the other counted %d, %s left, %v", second, left, err)
		}
	}
	if n, err := other.Counted(t.Context(), key); err != nil || n != 6 {
		t.Fatalf("the count is told as %d, %v", n, err)
	}
	if n, err := other.Counted(t.Context(), short); err != nil || n != 0 {
		t.Fatalf("what was never counted is told as %d, %v", n, err)
	}
	if n, _, err := one.Count(t.Context(), short, 50*time.Millisecond); err != nil || n != 1 {
		t.Fatalf("counted %d, %v", n, err)
	}
	eventually(t, "a count is over and another one begins", func() bool {
		n, _, err := other.Count(t.Context(), short, 50*time.Millisecond)
		return err == nil && n == 1
	})
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, _, err := one.Count(t.Context(), key, time.Minute); err == nil {
		t.Errorf("without Redis it counts %d", n)
	}
	if n, err := other.Counted(t.Context(), key); err == nil {
		t.Errorf("without Redis the count is told as %d", n)
	}
}
