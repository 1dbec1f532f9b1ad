package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// InsertMessages implements inbox.MessageRows.
func (tx *Tx) InsertMessages(_ context.Context, messages []inbox.Message) error {
	if len(messages) == 0 {
		return nil
	}
	contents := make([][]byte, len(messages))
	for i, m := range messages {
		content, err := json.Marshal(m.Content)
		if err != nil {
			return err
		}
		contents[i] = content
	}
	r := rowsOf(tx.tenant, messages)
	fill(r, "id", "uuid", func(m *inbox.Message) uuid.UUID { return m.ID })
	fill(r, "conversation_id", "uuid", func(m *inbox.Message) uuid.UUID { return m.ConversationID })
	fill(r, "channel_account_id", "uuid", func(m *inbox.Message) uuid.UUID { return m.ChannelAccountID })
	fill(r, "seq", "bigint", func(m *inbox.Message) int64 { return m.Seq })
	fillNumber(r, "inbound_no", func(m *inbox.Message) int64 { return m.InboundNo })
	fill(r, "direction", "text", func(m *inbox.Message) string { return string(m.Direction) })
	fill(r, "kind", "text", func(m *inbox.Message) string { return string(m.Kind) })
	fill(r, "text", "text", func(m *inbox.Message) string { return m.Text })
	fillWith(r, "content", "jsonb", contents)
	fillBytes(r, "raw", func(m *inbox.Message) []byte { return m.Raw })
	fillText(r, "external_id", func(m *inbox.Message) string { return m.ExternalID })
	fillText(r, "reply_to", func(m *inbox.Message) string { return m.ReplyTo })
	fillPointer(r, "author_agent_id", "uuid", func(m *inbox.Message) *uuid.UUID { return m.AuthorAgentID })
	fillPointer(r, "author_api_key_id", "uuid", func(m *inbox.Message) *uuid.UUID { return m.AuthorAPIKeyID })
	fillText(r, "correlation_id", func(m *inbox.Message) string { return m.CorrelationID })
	fillPointer(r, "retry_of", "uuid", func(m *inbox.Message) *uuid.UUID { return m.RetryOf })
	fillText(r, "on_unknown", func(m *inbox.Message) inbox.OnUnknown { return m.OnUnknown })
	fill(r, "status", "text", func(m *inbox.Message) string { return string(m.Status) })
	fillPointer(r, "provider_at", "timestamptz", func(m *inbox.Message) *time.Time { return m.ProviderAt })
	fill(r, "version", "bigint", func(m *inbox.Message) int64 { return m.Version })
	fill(r, "created_at", "timestamptz", func(m *inbox.Message) time.Time { return m.CreatedAt })
	tx.conn.keep(r.insert("messages"))
	return nil
}

// MessagesByIDs implements inbox.MessageRows.
func (tx *Tx) MessagesByIDs(ctx context.Context, ids []uuid.UUID) ([]inbox.Message, error) {
	rows, err := tx.q.MessagesByIDs(ctx, tx.tenant, ids)
	if err != nil {
		return nil, err
	}
	return collect(rows, messageOf)
}

// LockMessages implements inbox.MessageRows.
func (tx *Tx) LockMessages(ctx context.Context, ids []uuid.UUID) ([]inbox.Message, error) {
	rows, err := tx.q.LockMessages(ctx, tx.tenant, ids)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r gen.LockMessagesRow) (inbox.Message, error) { return messageOf(gen.MessagesByIDsRow(r)) })
}

// MessagesByExternalIDs implements inbox.MessageRows.
func (tx *Tx) MessagesByExternalIDs(ctx context.Context, refs []inbox.ExternalRef) ([]inbox.Message, error) {
	rows, err := tx.q.MessagesByExternalIDs(ctx,
		column(refs, func(r inbox.ExternalRef) uuid.UUID { return r.ChannelAccountID }),
		column(refs, func(r inbox.ExternalRef) string { return r.ExternalID }), tx.tenant)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r gen.MessagesByExternalIDsRow) (inbox.Message, error) { return messageOf(gen.MessagesByIDsRow(r)) })
}

// MessageRetries implements inbox.MessageRows.
func (tx *Tx) MessageRetries(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]uuid.UUID, error) {
	rows, err := tx.q.MessageRetries(ctx, tx.tenant, ids)
	if err != nil {
		return nil, err
	}
	retries := make(map[uuid.UUID]uuid.UUID, len(rows))
	for _, r := range rows {
		retries[r.RetryOf] = r.ID
	}
	return retries, nil
}

// MessageRaws implements inbox.MessageRows.
func (tx *Tx) MessageRaws(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]byte, error) {
	rows, err := tx.q.MessageRaws(ctx, tx.tenant, ids)
	if err != nil {
		return nil, err
	}
	raws := make(map[uuid.UUID][]byte, len(rows))
	for _, r := range rows {
		raws[r.ID] = r.Raw
	}
	return raws, nil
}

// BumpMessages implements inbox.MessageRows.
func (tx *Tx) BumpMessages(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	rows, err := tx.q.BumpMessages(ctx, tx.tenant, ids)
	if err != nil {
		return nil, err
	}
	versions := make(map[uuid.UUID]int64, len(rows))
	for _, r := range rows {
		versions[r.ID] = r.Version
	}
	return versions, nil
}

// messageOf turns a row of any query that selects the message columns into a Message.
func messageOf(r gen.MessagesByIDsRow) (inbox.Message, error) {
	m := inbox.Message{
		ID: r.ID, ConversationID: r.ConversationID, ChannelAccountID: r.ChannelAccountID, Seq: r.Seq, InboundNo: value(r.InboundNo),
		Direction: inbox.Direction(r.Direction), Kind: channel.Kind(r.Kind), Text: r.Text, ExternalID: value(r.ExternalID),
		ReplyTo: value(r.ReplyTo), AuthorAgentID: r.AuthorAgentID, AuthorAPIKeyID: r.AuthorApiKeyID,
		CorrelationID: value(r.CorrelationID), RetryOf: r.RetryOf, OnUnknown: inbox.OnUnknown(value(r.OnUnknown)),
		Status: inbox.MessageStatus(r.Status), FailedCode: value(r.FailedCode), FailedReason: value(r.FailedReason),
		SentAt: utc(r.SentAt), DeliveredAt: utc(r.DeliveredAt), ReadAt: utc(r.ReadAt), FailedAt: utc(r.FailedAt),
		ProviderAt: utc(r.ProviderAt), Version: r.Version, CreatedAt: r.CreatedAt.UTC(),
	}
	return m, json.Unmarshal(r.Content, &m.Content)
}

// collect converts every row, and fails with the first that cannot be.
func collect[R, T any](rows []R, convert func(R) (T, error)) ([]T, error) {
	items := make([]T, len(rows))
	for i, row := range rows {
		item, err := convert(row)
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	return items, nil
}
