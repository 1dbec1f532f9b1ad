package inbox

import (
	"context"

	"github.com/google/uuid"
)

// ConversationGiven returns the conversation of something that the actor has been given already, such as the message he has just made;
// it does not ask whether he sees it. It returns NotFound when there is none.
func (in *Inbox) ConversationGiven(ctx context.Context, actor Actor, id uuid.UUID) (Conversation, error) {
	var c Conversation
	err := in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) (err error) {
		tx.Last()
		c, err = one(ctx, tx, id)
		return err
	})
	return c, err
}

// StreamCursor returns where the stream of the actor's tenant stands. What is read after it may show a change that the stream tells again,
// and never misses one.
func (in *Inbox) StreamCursor(ctx context.Context, actor Actor) (Cursor, error) {
	var cursor Cursor
	err := in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) (err error) {
		tx.Last()
		cursor, err = cursorNow(ctx, tx)
		return err
	})
	return cursor, err
}
