package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Channel is the medium of a conversation.
type Channel string

// The channels.
const (
	ChannelWhatsApp  Channel = "WHATSAPP"
	ChannelEmail     Channel = "EMAIL"
	ChannelSMS       Channel = "SMS"
	ChannelWebchat   Channel = "WEBCHAT"
	ChannelMessenger Channel = "MESSENGER"
	ChannelInstagram Channel = "INSTAGRAM"
)

// AccountStatus tells whether a channel account can send.
type AccountStatus string

// The statuses of a channel account.
const (
	AccountActive      AccountStatus = "ACTIVE"
	AccountNeedsReauth AccountStatus = "NEEDS_REAUTH"
	AccountDisabled    AccountStatus = "DISABLED"
)

// ChannelAccount is one sender identity of the tenant at one provider, without its credentials.
type ChannelAccount struct {
	ID          uuid.UUID
	Channel     Channel
	Provider    string
	ExternalRef string // the provider's key of it (Meta's phone_number_id)
	Name        string
	TeamID      *uuid.UUID // whose conversations they are; nil: every agent's
	Status      AccountStatus
	Settings    []byte // a JSON object, public
	EndpointID  string // the unguessable part of its webhook address
	CreatedAt   time.Time
}

// ChannelAccountRows are the stored channel accounts of one tenant.
type ChannelAccountRows interface {
	// ChannelAccountsByIDs returns the channel accounts in no particular order; missing ones are absent.
	ChannelAccountsByIDs(ctx context.Context, ids []uuid.UUID) ([]ChannelAccount, error)
	// SealedCredentials returns the sealed credentials of the channel accounts by id; missing accounts are absent.
	SealedCredentials(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]byte, error)
	// VisibleAccounts returns the channel accounts whose conversations the viewer may see, by name; at most so many.
	VisibleAccounts(ctx context.Context, viewer Visibility, most int) ([]ChannelAccount, error)
}

// ChannelAccounts returns the channel accounts whose conversations the actor may see, by name, at most 500. It returns Forbidden for an
// API key that may not read.
func (in *Inbox) ChannelAccounts(ctx context.Context, actor Actor) (accounts []ChannelAccount, err error) {
	err = in.directory(ctx, actor, func(tx Tx) error {
		accounts, err = tx.VisibleAccounts(ctx, actor.Visibility(), maxDirectory)
		return err
	})
	return accounts, err
}

// ChannelAccountsOf returns channel accounts by id, for the conversations that a caller has been given already; missing ones are absent.
func (in *Inbox) ChannelAccountsOf(ctx context.Context, actor Actor, ids []uuid.UUID) (accounts []ChannelAccount, err error) {
	err = in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		tx.Last()
		accounts, err = tx.ChannelAccountsByIDs(ctx, ids)
		return err
	})
	return accounts, err
}
