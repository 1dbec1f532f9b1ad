package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// AttachmentState tells whether a file is here yet.
type AttachmentState string

// The states of an attachment.
const (
	AttachmentPending AttachmentState = "PENDING"
	AttachmentStored  AttachmentState = "STORED"
	AttachmentFailed  AttachmentState = "FAILED"
)

// Attachment is a file of a message. The message is shown at once; the file follows by a job of its own.
type Attachment struct {
	ID               uuid.UUID
	MessageID        uuid.UUID
	ChannelAccountID uuid.UUID
	Media            channel.Media
	Filename         string
	MIMEType         string // as the provider claims until STORED, then as sniffed from the bytes
	SizeBytes        int64
	SHA256           []byte
	BlobKey          string
	State            AttachmentState
	FailedReason     string
	Tries            int
	DueAt            *time.Time
	CreatedAt        time.Time
}

// AttachmentRows are the stored attachments of one tenant.
type AttachmentRows interface {
	// InsertAttachments stores new PENDING attachments that are due at once.
	InsertAttachments(ctx context.Context, attachments []Attachment) error
	// AttachmentsByIDs returns the attachments sorted by id; missing ones are absent.
	AttachmentsByIDs(ctx context.Context, ids []uuid.UUID) ([]Attachment, error)
	// AttachmentsByMessageIDs returns the attachments of the messages.
	AttachmentsByMessageIDs(ctx context.Context, messages []uuid.UUID) ([]Attachment, error)
	// ClaimAttachment leases a PENDING attachment that is due, and counts the try. It returns nil when there is nothing to do.
	ClaimAttachment(ctx context.Context, id uuid.UUID, lease time.Duration) (*Attachment, error)
	// StoreAttachment makes it STORED, and reports false when somebody else holds it by now.
	StoreAttachment(ctx context.Context, attachment Attachment) (bool, error)
	// DeferAttachment leaves it PENDING until after the wait, and reports false when somebody else holds it by now.
	DeferAttachment(ctx context.Context, attachment Attachment, wait time.Duration) (bool, error)
	// FailAttachment makes it FAILED, and reports false when somebody else holds it by now.
	FailAttachment(ctx context.Context, attachment Attachment) (bool, error)
	// RenewAttachment makes a FAILED one PENDING and due at once, and reports false when it is not FAILED.
	RenewAttachment(ctx context.Context, id uuid.UUID) (bool, error)
}
