package outbound

import "time"

// Metrics counts what happens. package telemetry implements it.
type Metrics interface {
	// Call counts one provider call by provider and outcome (ACCEPTED, REJECTED, UNKNOWN) and class of error, with its duration.
	Call(provider, outcome, class string, took time.Duration)
	// Failed counts a message that ended FAILED, by our or the provider's code.
	Failed(code string)
	// Alert counts an alert that opened, by kind.
	Alert(kind string)
	// Held counts lanes that began to be held, by what holds them.
	Held(hold string)
	// ParkedDropped counts parked receipts that were given up after 7 days.
	ParkedDropped(n int64)
	// Swept counts a sweep by name, with its duration and whether it failed.
	Swept(name string, took time.Duration, failed bool)
}

type uncounted struct{}

func (uncounted) Call(string, string, string, time.Duration) {}
func (uncounted) Failed(string)                              {}
func (uncounted) Alert(string)                               {}
func (uncounted) Held(string)                                {}
func (uncounted) ParkedDropped(int64)                        {}
func (uncounted) Swept(string, time.Duration, bool)          {}
