package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/graph/internal/view"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

const viewMessage = live.Gone + 1

// messageTopic is messageEvents: everything that happens to the messages of one conversation. It ends when its viewer loses sight of
// the conversation.
type messageTopic struct{ conversation uuid.UUID }

func (t *messageTopic) begin(ctx context.Context, s *Subscriptions, actor inbox.Actor) error {
	if followsOwn(actor) {
		actor = inbox.SystemActor(actor.Tenant())
	}
	_, err := s.inbox.Conversation(ctx, actor, t.conversation)
	return err
}

// followsOwn reports whether the actor is an API key that may send and not read: it follows the messages that it sent itself, wherever
// they are, and sees nothing else.
func followsOwn(actor inbox.Actor) bool {
	return actor.Kind() == inbox.ActorAPIKey && actor.Has(inbox.ScopeSend) && !actor.Has(inbox.ScopeRead)
}

func (t *messageTopic) key(inbox.Actor) string { return t.conversation.String() }

// Wants implements live.Audience. It wants every event of the conversation, because any may end the viewer's sight of it.
func (t *messageTopic) Wants(e *inbox.Event) bool {
	return e.ConversationID != nil && *e.ConversationID == t.conversation && e.Kind != inbox.EventReadCursorMoved
}

// View implements live.Audience.
func (t *messageTopic) View(item *live.Item, actor inbox.Actor) live.View {
	if followsOwn(actor) {
		return t.own(item, actor)
	}
	now := item.Snapshot().Conversations[t.conversation]
	if now == nil || !actor.Visibility().Sees(now.ChannelAccountID, now.AssigneeID) {
		return live.Gone
	}
	if !aboutMessage(&item.Event) {
		return live.Nothing
	}
	return viewMessage
}

func (t *messageTopic) own(item *live.Item, actor inbox.Actor) live.View {
	if !aboutMessage(&item.Event) || item.MessageID == nil {
		return live.Nothing
	}
	key := actor.ID()
	if m := item.Snapshot().Messages[*item.MessageID]; m == nil || !same(m.AuthorAPIKeyID, &key) {
		return live.Nothing
	}
	return viewMessage
}

func aboutMessage(e *inbox.Event) bool {
	return e.Kind == inbox.EventMessageCreated || e.Kind == inbox.EventMessageStatus || e.Kind == inbox.EventMessageChanged
}

func (*messageTopic) reach(inbox.Beside) inbox.Reach { return inbox.WholeReach() }

// show implements itemTopic. It returns an Internal error for an event whose message is not there.
func (t *messageTopic) show(_ context.Context, _ *cohort, item *live.Item, _ live.View) (any, error) {
	var message *inbox.Message
	if item.MessageID != nil {
		message = item.Snapshot().Messages[*item.MessageID]
	}
	if message == nil {
		return nil, fault.New(fault.Internal, "event %d names no message that is there", item.Seq)
	}
	return gen.MessageEvent{
		Cursor: item.Cursor(), Kind: item.Kind, At: item.At, StatusBefore: statusOf(item.MessageStatusBefore),
		StatusAfter: statusOf(item.MessageStatusAfter), Message: &view.Message{Message: *message},
	}, nil
}

func statusOf(status inbox.MessageStatus) *inbox.MessageStatus {
	if status == "" {
		return nil
	}
	return &status
}
