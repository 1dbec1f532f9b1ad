package chaos

import (
	"encoding/json"
	"os"
	"sync"
	"testing"
	"time"
)

// What an entry of the ledger is about.
const (
	kindInbound      = "inbound"
	kindMark         = "mark"  // a reaction
	kindStray        = "stray" // a receipt of a message that nobody sent
	kindReply        = "reply"
	kindNotification = "notification"
	kindOperation    = "operation"
)

// The answers that an entry can have got. Only the first two are certain.
const (
	answerYes     = "yes"     // taken: exactly one effect
	answerNo      = "no"      // refused: none
	answerUnknown = "unknown" // no answer, or one that asks to come again: none or one
)

// entry is one thing that the load asked for.
type entry struct {
	At     time.Time `json:"at"`
	Asked  time.Time `json:"-"` // when it was first asked for; the first line of it has it as At
	Kind   string    `json:"kind"`
	Tenant int       `json:"tenant"`
	Key    string    `json:"key"`            // in the text, as external id, or as idempotency key
	Phone  string    `json:"phone,omitzero"` // who wrote it, or whom it is for
	Answer string    `json:"answer"`
	ID     string    `json:"id,omitzero"`     // of the message, as answered
	Detail string    `json:"detail,omitzero"` // status or code
}

// ledger is what the load knows, independently of the installation: a line for every question and one for every answer, on disk before
// anything else happens.
type ledger struct {
	t    *testing.T
	mu   sync.Mutex
	file *os.File
	last map[string]entry // by kind and key
}

func openLedger(t *testing.T, path string) *ledger {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return &ledger{t: t, file: file, last: map[string]entry{}}
}

// write adds a line. What was once answered yes or no stays so.
func (l *ledger) write(e entry) {
	e.At = time.Now().UTC()
	line, _ := json.Marshal(e) // plain fields always marshal
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		l.t.Errorf("ledger: %v", err)
	}
	if err := l.file.Sync(); err != nil {
		l.t.Errorf("ledger: %v", err)
	}
	name := e.Kind + " " + e.Key
	before, known := l.last[name]
	if e.Asked = e.At; known {
		e.Asked = before.Asked
	}
	if known && before.Answer != answerUnknown {
		if e.Answer != answerUnknown && (e.Answer != before.Answer || e.ID != before.ID) {
			l.t.Errorf("%s was answered %s %s, and then %s %s %s", name, before.Answer, before.ID, e.Answer, e.ID, e.Detail)
		}
		return
	}
	l.last[name] = e
}

// entries returns the newest entry of everything of a kind in a tenant.
func (l *ledger) entries(kind string, tenant int) map[string]entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]entry{}
	for _, e := range l.last {
		if e.Kind == kind && e.Tenant == tenant {
			all[e.Key] = e
		}
	}
	return all
}

// size returns how many entries there are by kind and answer.
func (l *ledger) size() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := map[string]int{}
	for _, e := range l.last {
		counts[e.Kind+" "+e.Answer]++
	}
	return counts
}
