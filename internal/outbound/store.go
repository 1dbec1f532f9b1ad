package outbound

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Store opens transactions of one tenant, as inbox.Store does, and lists what is due across tenants. Package db implements it.
type Store interface {
	// InTenant is inbox.Store's InTenant with the rows of this package.
	InTenant(ctx context.Context, tenant inbox.TenantID, fn func(Tx) error) error
	// ReadTenant is inbox.Store's ReadTenant with the rows of this package.
	ReadTenant(ctx context.Context, tenant inbox.TenantID, fn func(Tx) error) error
	// Join returns the same transaction with the rows of this package.
	Join(tx inbox.Tx) Tx
	Sweeps
}

// Tx is one transaction of one tenant with the rows of both domains.
type Tx interface {
	inbox.Tx
	DispatchRows
	LaneRows
	AttemptRows
	FactRows
	AlertRows
	SealRows
	PersonRows
	// Tenant returns whose transaction it is.
	Tenant() inbox.TenantID
}

// PersonRows find the person a notification is for.
type PersonRows interface {
	// ContactByPhone returns the contact with the number, or the zero UUID.
	ContactByPhone(ctx context.Context, phone string) (uuid.UUID, error)
	// InsertPerson adds a contact with a phone number. A number that is known by now is a raced unique key: the transaction runs again.
	InsertPerson(ctx context.Context, contact inbox.Contact, phone string) error
	// NewestConversation returns the contact's active conversation on the account, or else the newest, or the zero UUID.
	NewestConversation(ctx context.Context, contact, account uuid.UUID) (uuid.UUID, error)
}

// Place is a thing of a tenant that something is due for.
type Place struct {
	Tenant inbox.TenantID
	ID     uuid.UUID
	Gen    int64 // of a snooze
}

// Sweeps look across tenants. They return ids only; what is done with them happens inside each tenant.
type Sweeps interface {
	// Alone runs fn unless another process is in the same sweep, and reports whether it ran.
	Alone(ctx context.Context, sweep string, fn func(context.Context) error) (ran bool, err error)
	// DueLanes returns lanes with a row whose time has come.
	DueLanes(ctx context.Context, most int) ([]Place, error)
	// UncalledConversations returns conversations whose first waiting row waits for nobody.
	UncalledConversations(ctx context.Context, most int) ([]Place, error)
	// LimitedLanes returns lanes held by a rate limit for the patience, without an open alert about it.
	LimitedLanes(ctx context.Context, patience time.Duration, most int) ([]Place, error)
	// StuckMessages returns messages that have been due for the patience, are not held, and have no open alert.
	StuckMessages(ctx context.Context, patience time.Duration, most int) ([]Place, error)
	// DueSnoozes returns conversations whose snooze is over.
	DueSnoozes(ctx context.Context, most int) ([]Place, error)
	// DueAttachments returns files to fetch.
	DueAttachments(ctx context.Context, most int) ([]Place, error)
	// DueCallbacks returns alerts whose URL is to be called.
	DueCallbacks(ctx context.Context, most int) ([]Place, error)
	// ParkedTenants returns tenants with parked receipts, in the order of their ids, behind one.
	ParkedTenants(ctx context.Context, after inbox.TenantID, most int) ([]inbox.TenantID, error)
	// AlertTenants returns tenants with open alerts, in the order of their ids, behind one.
	AlertTenants(ctx context.Context, after inbox.TenantID, most int) ([]inbox.TenantID, error)
	// UnsealedTenants returns tenants with audit rows that no seal covers, in the order of their ids, behind one.
	UnsealedTenants(ctx context.Context, after inbox.TenantID, most int) ([]inbox.TenantID, error)
	// StaleKeyTenants returns tenants with idempotency keys older than 24 hours.
	StaleKeyTenants(ctx context.Context, most int) ([]inbox.TenantID, error)
	// TurnVolumes makes, opens or drops one volume of events and journal when that is due, and says what it did in words, "" for nothing.
	TurnVolumes(ctx context.Context, keepEvents, keepJournal time.Duration) (string, error)
}
