package outbound_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// The attempt row is committed before the provider is called: the vendor itself looks it up while it is being called.
func TestSendCallsTheProviderAfterTheAttemptIsCommitted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.send(w.tenant.Conversation(w.account), "hello")
	if m.Status != inbox.MessageQueued || m.Seq != 2 || w.dispatch(m.ID) == nil {
		t.Fatalf("queued as %+v with dispatch %+v", m, w.dispatch(m.ID))
	}
	var found int64
	w.vendor.behave(func(c *vendorCall) answer {
		found = w.Int("SELECT count(*) FROM delivery_attempts WHERE id = $1 AND outcome = 'SENDING' AND recipient = $2", c.Attempt, c.To)
		return answer{take: true}
	})
	w.drain()
	if found != 1 {
		t.Fatalf("the vendor found %d committed attempts during the call, want 1", found)
	}
	sent := w.wantStatus(m.ID, inbox.MessageSent)
	call := w.vendor.seen()[0]
	if sent.ExternalID != "ext-"+call.Attempt || sent.SentAt == nil || w.dispatch(m.ID) != nil || call.Text != "hello" {
		t.Fatalf("after the call: %+v, call %+v, dispatch %+v", sent, call, w.dispatch(m.ID))
	}
	if n := w.Int("SELECT count(*) FROM events WHERE kind = 'MESSAGE_STATUS_CHANGED' AND message_status_before = 'QUEUED' " +
		"AND message_status_after = 'SENT' AND status_after = 'OPEN' AND channel_account_id IS NOT NULL"); n != 1 {
		t.Fatalf("%d events tell that it was sent, want 1", n)
	}
}

// R11: a message exists exactly when its mutation committed, and then has its dispatch; refused ones leave nothing.
func TestSendRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open, shut := w.tenant.Conversation(w.account), w.tenant.Conversation(w.account)
	w.Exec("UPDATE conversations SET last_inbound_at = now() - interval '25 hours' WHERE id = $1", shut)
	resolved := w.tenant.Conversation(w.account)
	w.Exec("UPDATE conversations SET status = 'RESOLVED', resolved_at = now(), resolved_at_seq = 1 WHERE id = $1", resolved)
	hidden := w.tenant.Conversation(w.addAccount(w.tenant, "hidden"))
	text, blank, long, nul := "hi", " \n", strings.Repeat("ä", 4097), "a\x00b"
	one, seen := uuid.New(), int64(0)
	template := &channel.Template{Name: "welcome", Language: "en_US"}
	for name, c := range map[string]struct {
		in    outbound.SendMessageInput
		code  fault.Code
		field string
	}{
		"nothing":         {outbound.SendMessageInput{ConversationID: open}, fault.Invalid, "text"},
		"both":            {outbound.SendMessageInput{ConversationID: open, Text: &text, Template: template}, fault.Invalid, "template"},
		"blank":           {outbound.SendMessageInput{ConversationID: open, Text: &blank}, fault.Invalid, "text"},
		"too long":        {outbound.SendMessageInput{ConversationID: open, Text: &long}, fault.Invalid, "text"},
		"NUL":             {outbound.SendMessageInput{ConversationID: open, Text: &nul}, fault.Invalid, "text"},
		"no language":     {outbound.SendMessageInput{ConversationID: open, Template: &channel.Template{Name: "x"}}, fault.Invalid, "template.language"},
		"window":          {outbound.SendMessageInput{ConversationID: shut, Text: &text}, fault.ReplyWindowClosed, "text"},
		"resolved":        {outbound.SendMessageInput{ConversationID: resolved, Text: &text}, fault.Conflict, "conversationId"},
		"unseen":          {outbound.SendMessageInput{ConversationID: open, Text: &text, ExpectedLastSeq: &seen}, fault.Conflict, "expectedLastSeq"},
		"no conversation": {outbound.SendMessageInput{ConversationID: uuid.New(), Text: &text}, fault.NotFound, "conversationId"},
		"not visible":     {outbound.SendMessageInput{ConversationID: hidden, Text: &text}, fault.NotFound, "conversationId"},
		"quote":           {outbound.SendMessageInput{ConversationID: open, Text: &text, ReplyToMessageID: &one}, fault.NotFound, "replyToMessageId"},
	} {
		_, err := w.out.SendMessage(t.Context(), w.agent, c.in)
		wantFault(t, name, err, c.code, c.field)
	}
	key := inbox.APIKeyActor(w.tenant.ID, uuid.New(), []inbox.Scope{inbox.ScopeSend})
	_, err := w.out.SendMessage(t.Context(), key, outbound.SendMessageInput{ConversationID: open, Text: &text})
	wantFault(t, "an API key", err, fault.Forbidden, "")
	if n := w.Int("SELECT count(*) FROM messages WHERE direction = 'OUTBOUND'") + w.Int("SELECT count(*) FROM dispatches"); n != 0 {
		t.Fatalf("refused messages left %d rows", n)
	}
	w.Exec("UPDATE conversations SET last_inbound_at = NULL WHERE id = $1", shut)
	_, err = w.out.SendMessage(t.Context(), w.agent, outbound.SendMessageInput{ConversationID: shut, Text: &text})
	wantFault(t, "never wrote", err, fault.ReplyWindowClosed, "text")
	if err != nil && !strings.Contains(err.Error(), "never written") {
		t.Errorf("a contact who never wrote: %v", err)
	}
	if _, err := w.out.SendMessage(t.Context(), w.agent, outbound.SendMessageInput{ConversationID: shut, Template: template}); err != nil {
		t.Fatalf("a template outside the window: %v", err)
	}
}

func wantFault(t *testing.T, what string, err error, code fault.Code, field string) {
	t.Helper()
	var e *fault.Error
	if !asFault(err, &e) || e.Code != code || e.Field != field {
		t.Errorf("%s: %v, want %s at %q", what, err, code, field)
	}
}

func TestSendAgainUnderTheSameKeySendsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := "once"
	in := outbound.SendMessageInput{ConversationID: w.tenant.Conversation(w.account), Text: &text, IdempotencyKey: "k"}
	first, err := w.out.SendMessage(t.Context(), w.agent, in)
	if err != nil {
		t.Fatal(err)
	}
	w.drain()
	again, err := w.out.SendMessage(t.Context(), w.agent, in)
	if err != nil || again.ID != first.ID || again.Status != inbox.MessageSent {
		t.Fatalf("again: %v, %+v", err, again)
	}
	other := "twice"
	in.Text = &other
	_, err = w.out.SendMessage(t.Context(), w.agent, in)
	wantFault(t, "another text", err, fault.IdempotencyKeyReuse, "idempotencyKey")
	w.drain()
	w.wantCalls(1)
}

func TestRetryMakesANewMessageOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conversation := w.tenant.Conversation(w.account)
	m := w.send(conversation, "try")
	_, err := w.out.RetryMessage(t.Context(), w.agent, outbound.RetryMessageInput{MessageID: m.ID})
	wantFault(t, "a queued message", err, fault.Conflict, "messageId")
	w.vendor.behave(refuse(channel.Permanent))
	w.drain()
	w.wantStatus(m.ID, inbox.MessageFailed)
	if w.Int("SELECT count(*) FROM conversations WHERE follow_up_at IS NOT NULL") != 1 {
		t.Fatal("the conversation is not flagged")
	}
	w.vendor.behave(take)
	retry, err := w.out.RetryMessage(t.Context(), w.agent, outbound.RetryMessageInput{MessageID: m.ID})
	if err != nil || retry.RetryOf == nil || *retry.RetryOf != m.ID || retry.Text != "try" {
		t.Fatalf("retry: %v, %+v", err, retry)
	}
	if w.Int("SELECT count(*) FROM conversations WHERE follow_up_at IS NOT NULL") != 0 {
		t.Fatal("the flag stays although an agent took care")
	}
	_, err = w.out.RetryMessage(t.Context(), w.agent, outbound.RetryMessageInput{MessageID: m.ID})
	wantFault(t, "a second retry", err, fault.Conflict, "messageId")
	w.drain()
	w.wantStatus(retry.ID, inbox.MessageSent)
	w.wantStatus(m.ID, inbox.MessageFailed)
}

func TestNotificationFindsOrMakesThePerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keyID := inboxtest.NewID()
	w.Exec("INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at) VALUES ($1, $2, 'shop', '\\x01', '{}', now())",
		w.tenant.ID.UUID(), keyID)
	key := inbox.APIKeyActor(w.tenant.ID, keyID, []inbox.Scope{inbox.ScopeSend})
	in := outbound.SendNotificationInput{
		ChannelAccountID: w.account, Phone: "+49 1511 2345678", Name: "Kim", CorrelationID: "order-7", IdempotencyKey: "order-7",
		Template: channel.Template{Name: "shipped", Language: "de", Body: []string{"7"}},
	}
	first, err := w.out.SendNotification(t.Context(), key, in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.out.SendNotification(t.Context(), key, in)
	if err != nil || again.ID != first.ID {
		t.Fatalf("the same key: %v, %s after %s", err, again.ID, first.ID)
	}
	in.IdempotencyKey = "order-8"
	second, err := w.out.SendNotification(t.Context(), key, in)
	if err != nil || second.ConversationID != first.ConversationID || second.ID == first.ID {
		t.Fatalf("another key: %v, %+v", err, second)
	}
	w.drain()
	w.drain()
	sent := w.wantStatus(first.ID, inbox.MessageSent)
	if call := w.vendor.seen()[0]; call.To != "+4915112345678" || call.Template != "shipped" || sent.CorrelationID != "order-7" ||
		sent.OnUnknown != inbox.ReconcileThenFail {
		t.Fatalf("sent %+v as %+v", sent, call)
	}
	if n := w.Int("SELECT count(*) FROM contacts WHERE name = 'Kim'"); n != 1 {
		t.Fatalf("%d contacts were made, want 1", n)
	}
	in.Phone, in.IdempotencyKey = "12", ""
	_, err = w.out.SendNotification(t.Context(), key, in)
	wantFault(t, "no phone", err, fault.Invalid, "recipient.phone")
	_, err = w.out.SendNotification(t.Context(), w.agent, in)
	wantFault(t, "an agent", err, fault.Forbidden, "")
	in.Phone, in.ChannelAccountID = "+4915112345678", uuid.New()
	_, err = w.out.SendNotification(t.Context(), key, in)
	wantFault(t, "no account", err, fault.NotFound, "channelAccountId")
}
