package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// beat is one thing that happened, so long ago. Its name makes it known to the product: as a customer's message id, or an agent's
// idempotency key.
type beat struct {
	name string
	ago  time.Duration
	who  customer
	act  act
}

// nameOf returns the name of the customer's n-th moment.
func nameOf(who customer, n int) string {
	return fmt.Sprintf("%s-%02d", who.phone[len(who.phone)-3:], n)
}

// act does what happened.
type act func(ctx context.Context, p *player, b beat) error

// wamid is the id of the customer's message of that name.
func wamid(name string) string { return "wamid.DEMO." + name }

// writes is a customer's message with that content, in the simulator's words.
func writes(content map[string]any) act {
	return func(ctx context.Context, p *player, b beat) error {
		message := map[string]any{"id": wamid(b.name)}
		for key, value := range content {
			message[key] = value
		}
		return p.vendor.write(ctx, b.who, message)
	}
}

func says(text string) act { return writes(map[string]any{"text": text}) }

// shows is a picture, which must have been fetched before the story goes on.
func shows(picture []byte, caption string) act {
	send := writes(map[string]any{"media": map[string]any{"type": "image", "data": picture, "mimeType": "image/png", "caption": caption}})
	return func(ctx context.Context, p *player, b beat) error {
		if err := send(ctx, p, b); err != nil {
			return err
		}
		return until(ctx, "fetching the picture", func(ctx context.Context) (bool, error) { return p.stored(ctx, b) })
	}
}

// stored reports whether every file of the beat's message is here.
func (p *player) stored(ctx context.Context, b beat) (here bool, err error) {
	err = p.Store.ReadTenant(ctx, p.Tenant, func(tx outbound.Tx) error {
		messages, err := tx.MessagesByExternalIDs(ctx, []inbox.ExternalRef{{ChannelAccountID: p.account(b.who).ID, ExternalID: wamid(b.name)}})
		if err != nil || len(messages) != 1 {
			return err
		}
		files, err := tx.AttachmentsByMessageIDs(ctx, []uuid.UUID{messages[0].ID})
		here = len(files) > 0
		for _, f := range files {
			here = here && f.State != inbox.AttachmentPending
		}
		return err
	})
	return here, err
}

func isAt(latitude, longitude float64, name, address string) act {
	return writes(map[string]any{"location": map[string]any{"latitude": latitude, "longitude": longitude, "name": name, "address": address}})
}

// reacts puts an emoji on the agent's message with the text.
func reacts(emoji, to string) act {
	return func(ctx context.Context, p *player, b beat) error {
		target, err := p.written(ctx, b.who, to)
		if err != nil {
			return err
		}
		return writes(map[string]any{"reaction": map[string]any{"messageId": target.ExternalID, "emoji": emoji}})(ctx, p, b)
	}
}

// corrects edits an earlier message of the customer.
func corrects(earlier int, text string) act {
	return func(ctx context.Context, p *player, b beat) error {
		edit := map[string]any{"messageId": wamid(nameOf(b.who, earlier)), "text": text}
		return writes(map[string]any{"edit": edit})(ctx, p, b)
	}
}

// looks opens the chat, so that what was delivered is read.
func looks(ctx context.Context, p *player, b beat) error { return p.vendor.look(ctx, b.who) }

func claims(agent string) act {
	return onConversation(func(ctx context.Context, p *player, b beat, id uuid.UUID) error {
		_, err := p.Inbox.Claim(ctx, p.agents[agent], inbox.ConversationInput{ConversationID: id, Key: b.name})
		return err
	})
}

func resolves(agent string) act {
	return onConversation(func(ctx context.Context, p *player, b beat, id uuid.UUID) error {
		_, err := p.Inbox.Resolve(ctx, p.agents[agent], inbox.ResolveInput{ConversationID: id, Key: b.name})
		return err
	})
}

// snoozes sets the conversation aside until so long from now, as it is when the story is told.
func snoozes(agent string, ahead time.Duration) act {
	return onConversation(func(ctx context.Context, p *player, b beat, id uuid.UUID) error {
		until := time.Now().Add(ahead).UTC().Truncate(time.Hour)
		c, err := p.Inbox.Conversation(ctx, p.agents[agent], id)
		if err != nil || c.Status == inbox.StatusSnoozed { // told before: the hour may be another by now, and the key with it
			return err
		}
		_, err = p.Inbox.Snooze(ctx, p.agents[agent], inbox.SnoozeInput{ConversationID: id, Until: until, Key: b.name})
		return err
	})
}

// onConversation finds the customer's conversation for an act of an agent.
func onConversation(do func(ctx context.Context, p *player, b beat, id uuid.UUID) error) act {
	return func(ctx context.Context, p *player, b beat) error {
		id, err := p.conversation(ctx, b.who)
		if err != nil {
			return err
		}
		return do(ctx, p, b, id)
	}
}

// replies is an agent's message, which arrives. The agent has then read what came before.
func replies(agent, text string) act { return answers(agent, text, inbox.MessageDelivered, "") }

// failsToReply is an agent's message that the vendor accepts and then cannot deliver.
func failsToReply(agent, text string) act {
	return answers(agent, text, inbox.MessageFailed, "undeliverable")
}

func answers(agent, text string, end inbox.MessageStatus, fault string) act {
	return onConversation(func(ctx context.Context, p *player, b beat, id uuid.UUID) error {
		if fault != "" {
			if err := p.vendor.misbehave(ctx, b.who, fault); err != nil {
				return err
			}
		}
		m, err := p.Outbound.SendMessage(ctx, p.agents[agent], outbound.SendMessageInput{ConversationID: id, Text: &text, IdempotencyKey: b.name})
		if err != nil {
			return err
		}
		if err := p.arrives(ctx, b, m.Message, end); err != nil {
			return err
		}
		if err := p.vendor.behave(ctx); err != nil { // told a second time, the fault would still wait for its message
			return err
		}
		_, _, err = p.Inbox.MarkRead(ctx, p.agents[agent], inbox.MarkReadInput{ConversationID: id, UpToMessageID: m.ID, Key: b.name + " read"})
		return err
	})
}

// arrives waits until the message is as far as it shall come.
func (p *player) arrives(ctx context.Context, b beat, m inbox.Message, end inbox.MessageStatus) error {
	err := until(ctx, "delivering", func(ctx context.Context) (bool, error) {
		now, err := p.message(ctx, m.ID)
		return now.Status == end || now.Status == inbox.MessageRead, err
	})
	if err != nil {
		return err
	}
	return p.vendor.settled(ctx)
}

// retries sends the failed message with the text again; this time it arrives.
func retries(agent, text string) act {
	return func(ctx context.Context, p *player, b beat) error {
		failed, err := p.written(ctx, b.who, text)
		if err != nil {
			return err
		}
		m, err := p.Outbound.RetryMessage(ctx, p.agents[agent], outbound.RetryMessageInput{MessageID: failed.ID, IdempotencyKey: b.name})
		if err != nil {
			return err
		}
		return p.arrives(ctx, b, m.Message, inbox.MessageDelivered)
	}
}

// notifies is another system's template.
func notifies(template string, body ...string) act {
	return func(ctx context.Context, p *player, b beat) error {
		key := inbox.APIKeyActor(p.Tenant, p.APIKey, []inbox.Scope{inbox.ScopeSend})
		m, err := p.Outbound.SendNotification(ctx, key, outbound.SendNotificationInput{
			ChannelAccountID: p.account(b.who).ID, Phone: b.who.phone, Name: b.who.name, CorrelationID: "shop-" + b.name,
			Template: channel.Template{Name: template, Language: "en", Body: body}, IdempotencyKey: b.name,
		})
		if err != nil {
			return fmt.Errorf("notify: %w", err)
		}
		return p.arrives(ctx, b, m.Message, inbox.MessageDelivered)
	}
}
