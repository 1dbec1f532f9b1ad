package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// InsertAttachments implements inbox.AttachmentRows.
func (tx *Tx) InsertAttachments(ctx context.Context, attachments []inbox.Attachment) error {
	if len(attachments) == 0 {
		return nil
	}
	media := make([][]byte, len(attachments))
	for i, a := range attachments {
		encoded, err := json.Marshal(a.Media)
		if err != nil {
			return err
		}
		media[i] = encoded
	}
	return tx.late.InsertAttachments(ctx, gen.InsertAttachmentsParams{
		TenantID: tx.tenant, ProviderMedias: media,
		Ids:               column(attachments, func(a inbox.Attachment) uuid.UUID { return a.ID }),
		MessageIds:        column(attachments, func(a inbox.Attachment) uuid.UUID { return a.MessageID }),
		ChannelAccountIds: column(attachments, func(a inbox.Attachment) uuid.UUID { return a.ChannelAccountID }),
		Filenames:         column(attachments, func(a inbox.Attachment) string { return a.Filename }),
		MimeTypes:         column(attachments, func(a inbox.Attachment) string { return a.MIMEType }),
		CreatedAts:        column(attachments, func(a inbox.Attachment) time.Time { return a.CreatedAt }),
	})
}

// AttachmentsByIDs implements inbox.AttachmentRows.
func (tx *Tx) AttachmentsByIDs(ctx context.Context, ids []uuid.UUID) ([]inbox.Attachment, error) {
	rows, err := tx.q.AttachmentsByIDs(ctx, tx.tenant, ids)
	if err != nil {
		return nil, err
	}
	return collect(rows, attachmentOf)
}

// AttachmentsByMessageIDs implements inbox.AttachmentRows.
func (tx *Tx) AttachmentsByMessageIDs(ctx context.Context, messages []uuid.UUID) ([]inbox.Attachment, error) {
	rows, err := tx.q.AttachmentsByMessageIDs(ctx, tx.tenant, messages)
	if err != nil {
		return nil, err
	}
	return collect(rows, attachmentOf)
}

// ClaimAttachment implements inbox.AttachmentRows.
func (tx *Tx) ClaimAttachment(ctx context.Context, id uuid.UUID, lease time.Duration) (*inbox.Attachment, error) {
	rows, err := tx.q.ClaimAttachment(ctx, lease, tx.tenant, id)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	a, err := attachmentOf(rows[0])
	return &a, err
}

// StoreAttachment implements inbox.AttachmentRows.
func (tx *Tx) StoreAttachment(ctx context.Context, a inbox.Attachment) (bool, error) {
	n, err := tx.q.StoreAttachment(ctx, gen.StoreAttachmentParams{
		MimeType: a.MIMEType, SizeBytes: &a.SizeBytes, Sha256: a.SHA256, BlobKey: &a.BlobKey, TenantID: tx.tenant, ID: a.ID,
		Tries: int32(a.Tries),
	})
	return n == 1, err
}

// DeferAttachment implements inbox.AttachmentRows.
func (tx *Tx) DeferAttachment(ctx context.Context, a inbox.Attachment, wait time.Duration) (bool, error) {
	n, err := tx.q.DeferAttachment(ctx, gen.DeferAttachmentParams{
		Wait: wait, Reason: a.FailedReason, TenantID: tx.tenant, ID: a.ID, Tries: int32(a.Tries),
	})
	return n == 1, err
}

// FailAttachment implements inbox.AttachmentRows.
func (tx *Tx) FailAttachment(ctx context.Context, a inbox.Attachment) (bool, error) {
	n, err := tx.q.FailAttachment(ctx, a.FailedReason, tx.tenant, a.ID, int32(a.Tries))
	return n == 1, err
}

// RenewAttachment implements inbox.AttachmentRows.
func (tx *Tx) RenewAttachment(ctx context.Context, id uuid.UUID) (bool, error) {
	n, err := tx.q.RenewAttachment(ctx, tx.tenant, id)
	return n == 1, err
}

func attachmentOf(r gen.Attachment) (inbox.Attachment, error) {
	a := inbox.Attachment{
		ID: r.ID, MessageID: r.MessageID, ChannelAccountID: r.ChannelAccountID, Filename: r.Filename, MIMEType: r.MimeType,
		SizeBytes: value(r.SizeBytes), SHA256: r.Sha256, BlobKey: value(r.BlobKey), State: inbox.AttachmentState(r.State),
		FailedReason: value(r.FailedReason), Tries: int(r.Tries), DueAt: utc(r.DueAt), CreatedAt: r.CreatedAt.UTC(),
	}
	return a, json.Unmarshal(r.ProviderMedia, &a.Media)
}
