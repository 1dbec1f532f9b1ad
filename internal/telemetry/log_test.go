package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

func TestLogNamesRequestAndTenantAndHidesPeople(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, slog.LevelDebug).With("component", "x")
	ctx := telemetry.WithTenant(telemetry.WithRequest(context.Background(), "r1"), "t1")
	log.InfoContext(ctx, "from +491701234567", "to", "ann@example.com", "err", errors.New("no route to +27 82 123 4567"), "n", 491701234567)
	line := out.String()
	for _, secret := range []string{"+4917012345", "ann@", "123 45"} {
		if strings.Contains(line, secret) {
			t.Errorf("%q shows in %s", secret, line)
		}
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["request"] != "r1" || got["tenant"] != "t1" || got["component"] != "x" || got["to"] != "a…@example.com" {
		t.Errorf("got %v", got)
	}
}

func TestMaskLeavesIdsAlone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"01890000-0000-7000-8000-000000000001", "2026-11-21T08:30:00+00:00", "seq 1234567890", "a+b"} {
		if got := telemetry.Mask(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
