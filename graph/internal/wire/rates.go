package wire

import "time"

// rates counts what a client sends in fixed windows. Only the reader of a socket uses it.
type rates struct {
	start                time.Time
	messages, subscribes int
}

func (r *rates) turn(now time.Time, window time.Duration) {
	if now.Sub(r.start) >= window {
		*r = rates{start: now}
	}
}

// message counts a message of any type and reports whether it is within the limit.
func (r *rates) message(now time.Time, limits Limits) bool {
	r.turn(now, limits.Window)
	r.messages++
	return r.messages <= limits.Messages
}

// subscribe counts a `subscribe` and reports whether it is within the limit.
func (r *rates) subscribe(now time.Time, limits Limits) bool {
	r.turn(now, limits.Window)
	r.subscribes++
	return r.subscribes <= limits.Subscribes
}
