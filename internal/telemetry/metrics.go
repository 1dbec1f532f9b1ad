package telemetry

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts what happens, under names that do not change. It implements the small interfaces that httpd, outbound and jobs declare.
// Labels hold kinds and codes, never a tenant, a person or a text. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	served   *prometheus.CounterVec
	servedIn *prometheus.HistogramVec
	calls    *prometheus.CounterVec
	calledIn *prometheus.HistogramVec
	failed   *prometheus.CounterVec
	alerts   *prometheus.CounterVec
	held     *prometheus.CounterVec
	dropped  prometheus.Counter
	swept    *prometheus.CounterVec
	sweptIn  *prometheus.HistogramVec
	violated prometheus.Counter
	ringLost *prometheus.CounterVec
}

// NewMetrics returns Metrics with a registry of their own, the Go runtime's and the process's numbers, and the build.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.served = m.counter("switchboard_http_requests_total", "Requests answered.", "route", "status")
	m.servedIn = m.histogram("switchboard_http_request_seconds", "Time until a request was answered; a socket's is its life.", "route")
	m.calls = m.counter("switchboard_provider_calls_total", "Calls to providers.", "provider", "outcome", "class")
	m.calledIn = m.histogram("switchboard_provider_call_seconds", "Time a call to a provider took.", "provider")
	m.failed = m.counter("switchboard_messages_failed_total", "Messages that ended FAILED.", "code")
	m.alerts = m.counter("switchboard_alerts_opened_total", "Alerts that were opened.", "kind")
	m.held = m.counter("switchboard_lanes_held_total", "Channel accounts whose messages began to wait for something other than their turn.", "hold")
	m.swept = m.counter("switchboard_sweeps_total", "Sweeps for what no ring announced.", "sweep", "result")
	m.sweptIn = m.histogram("switchboard_sweep_seconds", "Time a sweep took.", "sweep")
	m.ringLost = m.counter("switchboard_rings_lost_total", "Rings that did not reach Redis; a sweep makes up for them.", "task")
	m.dropped = m.single("switchboard_receipts_dropped_total", "Receipts that were given up after 7 days without their message.")
	m.violated = m.single("switchboard_tenant_violation_total", "Statements that row security refused: a defect, alert on the first.")
	build := m.gauge("switchboard_build_info", "1, with the version as a label.", "version", "go")
	build.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler returns the page that Prometheus reads.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Gauge adds a number that is asked for at every reading.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// RequestServed implements httpd.Observer.
func (m *Metrics) RequestServed(route string, status int, took time.Duration) {
	m.served.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.servedIn.WithLabelValues(route).Observe(took.Seconds())
}

// Call implements outbound.Metrics.
func (m *Metrics) Call(provider, outcome, class string, took time.Duration) {
	m.calls.WithLabelValues(provider, outcome, class).Inc()
	m.calledIn.WithLabelValues(provider).Observe(took.Seconds())
}

// Failed implements outbound.Metrics.
func (m *Metrics) Failed(code string) { m.failed.WithLabelValues(code).Inc() }

// Alert implements outbound.Metrics.
func (m *Metrics) Alert(kind string) { m.alerts.WithLabelValues(kind).Inc() }

// Held implements outbound.Metrics.
func (m *Metrics) Held(hold string) { m.held.WithLabelValues(hold).Inc() }

// ParkedDropped implements outbound.Metrics.
func (m *Metrics) ParkedDropped(n int64) { m.dropped.Add(float64(n)) }

// Swept implements outbound.Metrics.
func (m *Metrics) Swept(name string, took time.Duration, failed bool) {
	result := "ok"
	if failed {
		result = "failed"
	}
	m.swept.WithLabelValues(name, result).Inc()
	m.sweptIn.WithLabelValues(name).Observe(took.Seconds())
}

// RingLost implements jobs.Metrics.
func (m *Metrics) RingLost(task string) { m.ringLost.WithLabelValues(task).Inc() }

// TenantViolated counts a statement that row security refused.
func (m *Metrics) TenantViolated() { m.violated.Inc() }

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) single(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(g)
	return g
}

func (m *Metrics) histogram(name, help string, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, labels)
	m.registry.MustRegister(h)
	return h
}
