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
}
