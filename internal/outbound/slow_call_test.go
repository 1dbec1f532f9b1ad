package outbound_test

import (
	"sync"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// hang makes the vendor take its time with one message and returns what lets it answer; other calls are answered by the given reply.
func (w *world) hang(slow inbox.Message, others func(*vendorCall) answer) (answered func()) {
	gate, begun := make(chan struct{}), make(chan struct{})
	open := sync.OnceFunc(func() { close(gate) })
	w.t.Cleanup(open)
	w.vendor.behave(func(c *vendorCall) answer {
		if c.Message != slow.ID.String() {
			return others(c)
		}
		close(begun)
		return answer{take: true, wait: gate}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.drain()
	}()
	<-begun
	return func() {
		open()
		<-done
		w.wantStatus(slow.ID, inbox.MessageSent)
	}
}

// A call that the vendor does not answer holds up nobody else: what is queued meanwhile goes at once.
func TestSlowCallDoesNotHoldUpNewMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *outbound.Config) { c.CallTimeout = time.Minute })
	answered := w.hang(w.send(w.tenant.Conversation(w.account), "slow"), take)
	late := w.send(w.tenant.Conversation(w.account), "late")
	w.drain() // the ring for it
	eventually(t, "the message behind a slow call is sent", func() bool { return w.message(late.ID).Status == inbox.MessageSent })
	answered()
}

// R15: a repetition comes at its time, also while another call is under way, and also when the lane's turn has passed meanwhile.
func TestSlowCallDoesNotHoldUpRepetitions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *outbound.Config) { c.CallTimeout = time.Minute })
	failing, slow := w.send(w.tenant.Conversation(w.account), "failing"), w.send(w.tenant.Conversation(w.account), "slow")
	answered := w.hang(slow, func(c *vendorCall) answer {
		if c.no <= 2 {
			return answer{class: channel.Transient}
		}
		return answer{take: true}
	})
	eventually(t, "the message is repeated after 1 s and 5 s", func() bool { return w.message(failing.ID).Status == inbox.MessageSent })
	answered()
}

// R17: a look that finds nothing to try an open breaker with does not end the visit while a call is under way: what is queued then is tried at once.
func TestSlowCallDoesNotHoldUpTheProbe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &counted{Store: w.DB.Outbound()}
	w.out = w.processOn(store, func(c *outbound.Config) { c.CallTimeout = time.Minute })
	answered := w.hang(w.send(w.tenant.Conversation(w.account), "slow"), take)
	w.Exec("INSERT INTO lanes (tenant_id, channel_account_id, failures, breaker_opened_at, probe_at) VALUES ($1, $2, 5, now(), now())", w.tenant.ID.UUID(), w.account)
	claims := store.claims.Load()
	eventually(t, "there is nothing to try the provider with", func() bool { w.drain(); return store.claims.Load() > claims })
	late := w.send(w.tenant.Conversation(w.account), "late")
	eventually(t, "the message is the probe", func() bool { w.drain(); return w.message(late.ID).Status == inbox.MessageSent })
	answered()
}
