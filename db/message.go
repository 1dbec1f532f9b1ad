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
func (tx *Tx) InsertMessages(ctx context.Context, messages []inbox.Message) error {
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
	return tx.late.InsertMessages(ctx, gen.InsertMessagesParams{
		TenantID: tx.tenant, Contents: contents,
		Ids:               column(messages, func(m inbox.Message) uuid.UUID { return m.ID }),
		ConversationIds:   column(messages, func(m inbox.Message) uuid.UUID { return m.ConversationID }),
		ChannelAccountIds: column(messages, func(m inbox.Message) uuid.UUID { return m.ChannelAccountID }),
		Seqs:              column(messages, func(m inbox.Message) int64 { return m.Seq }),
		InboundNos:        column(messages, func(m inbox.Message) int64 { return m.InboundNo }),
		Directions:        column(messages, func(m inbox.Message) string { return string(m.Direction) }),
		Kinds:             column(messages, func(m inbox.Message) string { return string(m.Kind) }),
		Texts:             column(messages, func(m inbox.Message) string { return m.Text }),
		Raws:              column(messages, func(m inbox.Message) []byte { return m.Raw }),
		ExternalIds:       column(messages, func(m inbox.Message) string { return m.ExternalID }),
		ReplyTos:          column(messages, func(m inbox.Message) string { return m.ReplyTo }),
		AuthorAgentIds:    column(messages, func(m inbox.Message) uuid.UUID { return value(m.AuthorAgentID) }),
		AuthorApiKeyIds:   column(messages, func(m inbox.Message) uuid.UUID { return value(m.AuthorAPIKeyID) }),
		CorrelationIds:    column(messages, func(m inbox.Message) string { return m.CorrelationID }),
		RetryOfs:          column(messages, func(m inbox.Message) uuid.UUID { return value(m.RetryOf) }),
		OnUnknowns:        column(messages, func(m inbox.Message) string { return string(m.OnUnknown) }),
		Statuses:          column(messages, func(m inbox.Message) string { return string(m.Status) }),
		ProviderAts:       column(messages, func(m inbox.Message) time.Time { return value(m.ProviderAt) }),
		Versions:          column(messages, func(m inbox.Message) int64 { return m.Version }),
		CreatedAts:        column(messages, func(m inbox.Message) time.Time { return m.CreatedAt }),
	})
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
