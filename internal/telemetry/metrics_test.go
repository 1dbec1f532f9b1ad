package telemetry_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

// TestMetricNames holds the names that dashboards and alerts are built on.
func TestMetricNames(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("v1")
	m.RequestServed("/graphql", 200, time.Millisecond)
	m.Call("meta", "ACCEPTED", "", time.Second)
	m.Failed("131026")
	m.Alert("STUCK")
	m.Held("BREAKER")
	m.ParkedDropped(2)
	m.Swept("lanes", time.Millisecond, true)
	m.RingLost("outbound:drain")
	m.TenantViolated()
	m.Gauge("switchboard_sockets_open", "Open sockets.", func() float64 { return 7 })
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{
		`switchboard_http_requests_total{route="/graphql",status="200"} 1`, `switchboard_http_request_seconds_count{route="/graphql"} 1`,
		`switchboard_provider_calls_total{class="",outcome="ACCEPTED",provider="meta"} 1`, `switchboard_provider_call_seconds_count{provider="meta"} 1`,
		`switchboard_messages_failed_total{code="131026"} 1`,
		`switchboard_alerts_opened_total{kind="STUCK"} 1`, `switchboard_lanes_held_total{hold="BREAKER"} 1`,
		`switchboard_receipts_dropped_total 2`, `switchboard_sweeps_total{result="failed",sweep="lanes"} 1`,
		`switchboard_rings_lost_total{task="outbound:drain"} 1`, `switchboard_tenant_violation_total 1`, `switchboard_sockets_open 7`,
		`version="v1"} 1`, "go_goroutines ", "process_open_fds ",
	} {
		if !strings.Contains(w.Body.String(), line) {
			t.Errorf("no line %s", line)
		}
	}
}
