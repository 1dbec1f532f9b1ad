package simulator

import (
	"cmp"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// How much of the past a restart keeps.
const (
	keptMessages = 500   // of one chat
	keptCalls    = 50000 // in all
)

// store holds the state. Every change goes through commit, which also writes and publishes it: the lock is held around the write on
// purpose, since the journal's order must be the order of application.
type store struct {
	mu       sync.Mutex
	log      *slog.Logger
	file     *os.File // nil: nothing is kept
	mediaDir string

	settings   Settings
	accounts   map[string]Account
	customers  map[string]Customer
	chats      map[string][]*Message
	messages   map[string]*Message
	media      map[string]Media
	calls      []Call
	deliveries map[string]Delivery
	seq        int

	listeners map[chan update]bool
}

func newStore(settings Settings, log *slog.Logger) *store {
	return &store{log: log, settings: settings, accounts: map[string]Account{}, customers: map[string]Customer{},
		chats: map[string][]*Message{}, messages: map[string]*Message{}, media: map[string]Media{}, deliveries: map[string]Delivery{},
		listeners: map[chan update]bool{}}
}

// commit applies the records as one step, keeps them, and tells the listeners.
func (st *store) commit(records ...record) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for i := range records {
		st.apply(records[i])
	}
	st.append(records)
	for _, r := range records {
		switch {
		case r.Message != nil:
			st.tell(update{Type: "message", Data: *st.messages[r.Message.ID]})
		case r.Call != nil:
			st.tell(update{Type: "call", Data: *r.Call})
		case r.Customer != nil:
			st.tell(update{Type: "customer", Data: *r.Customer})
		case r.Account != nil:
			st.tell(update{Type: "account", Data: r.Account.public()})
		case r.Settings != nil:
			st.tell(update{Type: "settings", Data: *r.Settings})
		}
	}
}

// apply changes the state by one record. It may be applied again without harm, as after a restart.
func (st *store) apply(r record) {
	switch {
	case r.Account != nil:
		st.accounts[r.Account.PhoneNumberID] = *r.Account
	case r.Customer != nil:
		st.customers[r.Customer.Phone] = *r.Customer
	case r.Settings != nil:
		st.settings = *r.Settings
	case r.Media != nil:
		st.media[r.Media.ID] = *r.Media
	case r.Message != nil:
		st.applyMessage(*r.Message)
	case r.Call != nil:
		i, found := slices.BinarySearchFunc(st.calls, r.Call.Seq, func(c Call, seq int) int { return cmp.Compare(c.Seq, seq) })
		if found {
			st.calls[i] = *r.Call
		} else {
			st.calls = slices.Insert(st.calls, i, *r.Call)
		}
		st.seq = max(st.seq, r.Call.Seq)
	case r.Delivery != nil:
		st.deliveries[r.Delivery.ID] = *r.Delivery
		st.seq = max(st.seq, r.Delivery.Seq)
	case r.Done != "":
		delete(st.deliveries, r.Done)
	}
}

func (st *store) applyMessage(m Message) {
	if known := st.messages[m.ID]; known != nil {
		*known = m
		return
	}
	key := chatKey(m.Account, m.Customer)
	st.messages[m.ID] = &m
	st.chats[key] = append(st.chats[key], &m)
}

// snapshot returns the records that lead to the present state, without what is too old to matter.
func (st *store) snapshot() []record {
	records := []record{{Settings: &st.settings}}
	for _, a := range st.accounts {
		records = append(records, record{Account: &a})
	}
	for _, c := range st.customers {
		records = append(records, record{Customer: &c})
	}
	for _, m := range st.media {
		records = append(records, record{Media: &m})
	}
	for _, chat := range st.chats {
		for _, m := range chat[max(0, len(chat)-keptMessages):] {
			records = append(records, record{Message: m})
		}
	}
	for i := range st.calls[max(0, len(st.calls)-keptCalls):] {
		records = append(records, record{Call: &st.calls[max(0, len(st.calls)-keptCalls)+i]})
	}
	for _, d := range st.deliveries {
		records = append(records, record{Delivery: &d})
	}
	return records
}

// nextSeq returns a number larger than all before.
func (st *store) nextSeq() int {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.seq++
	return st.seq
}

func (st *store) account(id string) (Account, bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	a, ok := st.accounts[id]
	return a, ok
}

func (st *store) anyAccount(ok func(Account) bool) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, a := range st.accounts {
		if ok(a) {
			return true
		}
	}
	return false
}

func (st *store) customer(phone string) (Customer, bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	c, ok := st.customers[phone]
	return c, ok
}

func (st *store) message(id string) (Message, bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	m := st.messages[id]
	if m == nil {
		return Message{}, false
	}
	return *m, true
}

// chat returns the messages of one chat, oldest first.
func (st *store) chat(account, phone string) []Message {
	st.mu.Lock()
	defer st.mu.Unlock()
	out := []Message{}
	for _, m := range st.chats[chatKey(account, phone)] {
		out = append(out, *m)
	}
	return out
}

// lastFromCustomer returns when the customer last wrote to the account; zero when never.
func (st *store) lastFromCustomer(account, phone string) time.Time {
	st.mu.Lock()
	defer st.mu.Unlock()
	chat := st.chats[chatKey(account, phone)]
	for _, m := range slices.Backward(chat) {
		if m.Mine {
			return m.At
		}
	}
	return time.Time{}
}

// undelivered returns the webhooks that nobody took yet, in the order they were made.
func (st *store) undelivered() []Delivery {
	st.mu.Lock()
	defer st.mu.Unlock()
	return slices.SortedFunc(maps.Values(st.deliveries), func(a, b Delivery) int { return cmp.Compare(a.Seq, b.Seq) })
}

func (st *store) currentSettings() Settings {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.settings
}

// callsSince returns the calls after seq, each with what the business was told of it so far.
func (st *store) callsSince(seq int) []Call {
	st.mu.Lock()
	defer st.mu.Unlock()
	i, _ := slices.BinarySearchFunc(st.calls, seq+1, func(c Call, seq int) int { return cmp.Compare(c.Seq, seq) })
	calls := slices.Clone(st.calls[i:])
	for i := range calls {
		if m := st.messages[calls[i].MessageID]; m != nil {
			calls[i].Told, calls[i].ToldAt = m.Status, m.ToldAt
		}
	}
	return calls
}

func (st *store) close() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.file == nil {
		return nil
	}
	file := st.file
	st.file = nil
	return file.Close()
}
