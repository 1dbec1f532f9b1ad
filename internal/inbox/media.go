package inbox

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
)

const (
	// mediaMost is the largest file that is kept.
	mediaMost = 25 << 20
	// mediaTimeout bounds one fetch with its storing; the lease is twice as long.
	mediaTimeout = time.Minute
	// settleTimeout bounds the writing of what came of it.
	settleTimeout = 5 * time.Second
)

// mediaWaits are the waits between the tries of one file. Providers keep a file for days; the last try is a day after the first.
func mediaWaits() []time.Duration {
	return []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 15 * time.Hour,
	}
}

// Blobs keep the bytes of files under keys that cannot be guessed. Package blob implements it.
type Blobs interface {
	// Put stores the content under the key, whole or not at all.
	Put(ctx context.Context, key string, content io.Reader) error
	// Open returns the content under the key, or a NotFound error. The caller closes it.
	Open(ctx context.Context, key string) (io.ReadSeekCloser, error)
	// Delete removes what is under the key; nothing being there is fine.
	Delete(ctx context.Context, key string) error
}

// MediaConfig says what Media works with. Every field is required.
type MediaConfig struct {
	Store     Store
	Providers *channel.Registry
	Vault     *Vault
	Blobs     Blobs
	Clock     func() time.Time
	Log       *slog.Logger
}

// Media fetches the files that inbound messages name. It is safe for concurrent use.
type Media struct {
	MediaConfig
}

// NewMedia returns a Media.
func NewMedia(config MediaConfig) *Media { return &Media{config} }

// FetchMedia fetches one file if it is due and stores it. What comes of it is written down: STORED; PENDING with a later due time after a
// failure that may pass; FAILED after one that will not, or when the tries are spent. It returns an error only when that could not
// be written; the lease then runs out and the sweep rings again.
func (m *Media) FetchMedia(ctx context.Context, tenant TenantID, id uuid.UUID) error {
	var claimed *Attachment
	err := m.Store.InTenant(ctx, tenant, func(tx Tx) (err error) {
		claimed, err = tx.ClaimAttachment(ctx, id, 2*mediaTimeout)
		return err
	})
	if err != nil || claimed == nil {
		return err
	}
	a := *claimed
	work, cancel := context.WithTimeout(ctx, mediaTimeout)
	defer cancel()
	failure := m.fetch(work, tenant, &a)
	if failure != nil && ctx.Err() != nil {
		return ctx.Err() // we are stopping; that is no failure of the file
	}
	// What is known by now is written down although we may be stopping: else the bytes would lie there without anybody who knows of them.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer stop()
	if failure == nil {
		return m.stored(ctx, tenant, a)
	}
	return m.failed(ctx, tenant, a, failure)
}

// fetch downloads the file, looks at it and stores its bytes.
func (m *Media) fetch(ctx context.Context, tenant TenantID, a *Attachment) *channel.SendError {
	body, failure := m.open(ctx, tenant, *a)
	if failure != nil {
		return failure
	}
	defer body.Close()
	file, err := spool(body, mediaMost)
	if err != nil {
		return err
	}
	defer file.remove()
	if err := file.inspect(); err != nil {
		return err
	}
	a.MIMEType, a.SizeBytes, a.SHA256, a.BlobKey = file.mimeType, file.size, file.sum, rand.Text()
	content, err := file.rewound()
	if err != nil {
		return err
	}
	if err := m.Blobs.Put(ctx, a.BlobKey, content); err != nil {
		return &channel.SendError{Class: channel.Transient, Code: "store", Reason: "the file store cannot be reached", Err: err}
	}
	return nil
}

// open asks the provider for the file.
func (m *Media) open(ctx context.Context, tenant TenantID, a Attachment) (io.ReadCloser, *channel.SendError) {
	account, err := m.Vault.OpenAccount(ctx, Route{Tenant: tenant, Account: a.ChannelAccountID})
	if err != nil {
		return nil, &channel.SendError{Class: channel.Transient, Code: "account", Reason: "the account cannot be used now", Err: err}
	}
	provider, err := m.Providers.Provider(account.Provider)
	if err != nil {
		return nil, &channel.SendError{Class: channel.Transient, Code: "provider", Reason: "the provider is not configured", Err: err}
	}
	fetcher, ok := provider.(channel.MediaFetcher)
	if !ok {
		return nil, &channel.SendError{Class: channel.Permanent, Code: "provider", Reason: "the provider has no files to fetch"}
	}
	body, err := fetcher.FetchMedia(ctx, account.Account, a.Media)
	if err != nil {
		return nil, channel.AsSendError(err)
	}
	return body, nil
}

// stored writes down that the file is here. If somebody else was faster, this copy of the bytes goes.
func (m *Media) stored(ctx context.Context, tenant TenantID, a Attachment) error {
	mine := false
	err := m.Store.InTenant(ctx, tenant, func(tx Tx) (err error) {
		return m.announce(ctx, tx, tenant, a, func() error {
			mine, err = tx.StoreAttachment(ctx, a)
			return err
		}, &mine)
	})
	if err == nil && !mine {
		return m.Blobs.Delete(ctx, a.BlobKey)
	}
	return err
}

// failed writes down why the file is not here, and when it is tried again.
func (m *Media) failed(ctx context.Context, tenant TenantID, a Attachment, failure *channel.SendError) error {
	m.Log.WarnContext(ctx, "a file could not be fetched", "tenant", tenant.String(), "attachment", a.ID, "try", a.Tries, "class", failure.Class,
		"code", failure.Code, "error", failure.Err)
	a.FailedReason = "media unavailable: " + clean(orElse(failure.Reason, failure.Code), maxReason)
	waits := mediaWaits()
	passes := failure.Class == channel.Transient || failure.Class == channel.RateLimited || failure.Class == channel.Auth
	if passes && a.Tries <= len(waits) {
		wait := max(waits[a.Tries-1], min(failure.RetryAfter, time.Hour))
		return m.Store.InTenant(ctx, tenant, func(tx Tx) error {
			_, err := tx.DeferAttachment(ctx, a, wait)
			return err
		})
	}
	return m.Store.InTenant(ctx, tenant, func(tx Tx) (err error) {
		mine := false
		return m.announce(ctx, tx, tenant, a, func() error {
			mine, err = tx.FailAttachment(ctx, a)
			return err
		}, &mine)
	})
}

// RetryMedia fetches a FAILED file again. It returns NotFound when there is no such file or the actor may not see it, and Conflict when it
// is not FAILED. The sweep rings for it, or the caller does.
func (in *Inbox) RetryMedia(ctx context.Context, actor Actor, id uuid.UUID) error {
	found, err := in.Attachment(ctx, actor, id)
	if err != nil {
		return err
	}
	return in.store.InTenant(ctx, actor.Tenant(), func(tx Tx) error {
		message, c, err := lockMessage(ctx, tx, found.MessageID)
		if err != nil {
			return err
		}
		renewed, err := tx.RenewAttachment(ctx, id)
		if err == nil && !renewed {
			err = fault.New(fault.Conflict, "the file is here, or on its way")
		}
		if err != nil {
			return err
		}
		return changed(ctx, tx, actor, message, c, in.now())
	})
}

// announce locks the message of the file, lets write change the file, and tells that the message has changed when it did.
func (m *Media) announce(ctx context.Context, tx Tx, tenant TenantID, a Attachment, write func() error, did *bool) error {
	message, c, err := lockMessage(ctx, tx, a.MessageID)
	if err != nil {
		return err
	}
	if err := write(); err != nil || !*did {
		return err
	}
	return changed(ctx, tx, SystemActor(tenant), message, c, m.Clock().UTC().Truncate(time.Microsecond))
}

// lockMessage locks a message and, before it, its conversation.
func lockMessage(ctx context.Context, tx Tx, id uuid.UUID) (*Message, *Conversation, error) {
	found, err := tx.MessagesByIDs(ctx, []uuid.UUID{id})
	if err != nil || len(found) == 0 {
		return nil, nil, orMissing(err)
	}
	c, err := lockOne(ctx, tx, found[0].ConversationID)
	if err != nil {
		return nil, nil, err
	}
	locked, err := tx.LockMessages(ctx, []uuid.UUID{id})
	if err != nil || len(locked) == 0 {
		return nil, nil, orMissing(err)
	}
	return &locked[0], &c, nil
}

// changed raises the version of a locked message and tells that it has changed.
func changed(ctx context.Context, tx Tx, actor Actor, message *Message, c *Conversation, now time.Time) error {
	versions, err := tx.BumpMessages(ctx, []uuid.UUID{message.ID})
	if err != nil {
		return err
	}
	message.Version = versions[message.ID]
	tx.Record(messageEvent(EventMessageChanged, actor, c, c, message, now))
	return nil
}
