// Package telemetry is how the running program is seen: JSON logs that name tenant and request and hide people, and Prometheus
// metrics with fixed names.
//
// Imports: the Prometheus client.
package telemetry
