package jobs_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/switchboard-inbox/switchboard/internal/leaktest"
)

func TestMain(m *testing.M) {
	// It sleeps for a second between two tries to reach a server that is gone, and sees only then that its pool was closed.
	leaktest.Main(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}
