package simulator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
)

// Fault is a misbehaviour of the vendor that somebody asked for.
type Fault struct {
	ID          int     `json:"id"`
	Kind        string  `json:"kind"`
	Left        int     `json:"left"`              // how often it still strikes; -1 until it is removed
	Probability float64 `json:"probability"`       // 0 < p ≤ 1
	Account     string  `json:"account,omitzero"`  // only calls of this phone number id
	Customer    string  `json:"customer,omitzero"` // only calls to this phone
	Minutes     int     `json:"minutes,omitzero"`  // rate_limited: when the vendor says it will take messages again
}

// FaultKind describes one kind of fault for the page.
type FaultKind struct {
	Kind  string `json:"kind"`
	Title string `json:"title"`
	About string `json:"about"`
	// Receipts tells that the fault concerns what follows an accepted call; such faults combine with each other.
	Receipts bool `json:"receipts"`
}

// faultKinds lists every fault the simulator can play.
func faultKinds() []FaultKind {
	return []FaultKind{
		{Kind: "rate_limited", Title: "Too many messages", About: "429 with error 130429 and a reset time"},
		{Kind: "server_error", Title: "Server error", About: "500 with a readable error; not accepted"},
		{Kind: "server_garbage", Title: "Broken gateway", About: "502 with a web page; not accepted, but who knows"},
		{Kind: "timeout", Title: "No answer", About: "takes the request and stays silent; not accepted"},
		{Kind: "accept_cut", Title: "Accepted, then cut", About: "sends the message but drops the connection before answering"},
		{Kind: "accept_half", Title: "Accepted, half an answer", About: "sends the message; the answer ends in the middle"},
		{Kind: "window_closed", Title: "Window closed", About: "error 131047: more than 24 hours"},
		{Kind: "invalid_recipient", Title: "Not on WhatsApp", About: "error 131026 in the answer"},
		{Kind: "template_missing", Title: "Template missing", About: "error 132001"},
		{Kind: "auth", Title: "Token expired", About: "401 with error 190"},
		{Kind: "undeliverable", Title: "Fails later", About: "accepted, then a failed receipt with error 131026", Receipts: true},
		{Kind: "duplicate_receipts", Title: "Receipts twice", About: "each receipt is posted two times", Receipts: true},
		{Kind: "reordered_receipts", Title: "Receipts reversed", About: "read, then delivered, then sent", Receipts: true},
		{Kind: "early_receipts", Title: "Receipts early", About: "sent and delivered arrive before the answer to the call", Receipts: true},
		{Kind: "lost_receipts", Title: "No receipts", About: "the message arrives, but nobody is told", Receipts: true},
	}
}

// faultBook holds the faults that are active.
type faultBook struct {
	mu     sync.Mutex
	next   int
	active []Fault
}

// add activates a fault. It fails when the kind is unknown or a number makes no sense.
func (b *faultBook) add(f Fault) (Fault, error) {
	if !slices.ContainsFunc(faultKinds(), func(k FaultKind) bool { return k.Kind == f.Kind }) {
		var known []string
		for _, k := range faultKinds() {
			known = append(known, k.Kind)
		}
		return Fault{}, fmt.Errorf("kind must be one of %s", strings.Join(known, ", "))
	}
	if f.Left == 0 {
		f.Left = 1
	}
	if f.Probability == 0 {
		f.Probability = 1
	}
	if f.Left < -1 || f.Probability < 0 || f.Probability > 1 || f.Minutes < 0 {
		return Fault{}, fmt.Errorf("count must be positive or -1, probability between 0 and 1, minutes not negative")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	f.ID = b.next
	b.active = append(b.active, f)
	return f, nil
}

// remove ends the fault with that id, or all when id is 0. It reports whether there was one.
func (b *faultBook) remove(id int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.active)
	b.active = slices.DeleteFunc(b.active, func(f Fault) bool { return id == 0 || f.ID == id })
	return len(b.active) < before
}

func (b *faultBook) list() []Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Fault{}, b.active...)
}

// struck is what befalls one call: at most one fault of its answer, and any number of its receipts.
type struck struct {
	answer   Fault
	receipts map[string]bool
}

// strike decides what befalls a call, and counts the faults down.
func (b *faultBook) strike(account, customer string) struck {
	b.mu.Lock()
	defer b.mu.Unlock()
	hit := struck{receipts: map[string]bool{}}
	for i := range b.active {
		f := &b.active[i]
		if f.Account != "" && f.Account != account || f.Customer != "" && f.Customer != customer {
			continue
		}
		receipts := slices.ContainsFunc(faultKinds(), func(k FaultKind) bool { return k.Kind == f.Kind && k.Receipts })
		if !receipts && hit.answer.Kind != "" || receipts && hit.receipts[f.Kind] || rand.Float64() >= f.Probability {
			continue
		}
		if receipts {
			hit.receipts[f.Kind] = true
		} else {
			hit.answer = *f
		}
		if f.Left > 0 {
			f.Left--
		}
	}
	b.active = slices.DeleteFunc(b.active, func(f Fault) bool { return f.Left == 0 })
	return hit
}

// name lists the faults of a call for its record.
func (s struck) name() string {
	var names []string
	if s.answer.Kind != "" {
		names = append(names, s.answer.Kind)
	}
	for _, k := range faultKinds() {
		if s.receipts[k.Kind] {
			names = append(names, k.Kind)
		}
	}
	return strings.Join(names, ",")
}
