package live_test

import (
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
