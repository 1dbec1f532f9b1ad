package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Directory finds whose an account at a provider is. It is the only thing that ingest does outside a tenant; it answers with ids.
type Directory interface {
	// AccountsByRef returns the routes of those of the provider's account keys that an enabled channel account has.
	AccountsByRef(ctx context.Context, provider string, refs []string) (map[string]Route, error)
	// AccountByEndpoint returns the route of a webhook address, and false when there is no such address.
	AccountByEndpoint(ctx context.Context, provider, endpoint string) (Route, bool, error)
	// KeepUnrouted stores authentic items that belong to no account, for operators.
	KeepUnrouted(ctx context.Context, provider string, items []Unrouted, at time.Time) error
}

// Route is a channel account with its tenant.
type Route struct {
	Tenant  TenantID
	Account uuid.UUID
}

// Unrouted is an authentic item that belongs to no account.
type Unrouted struct {
	ID         uuid.UUID
	AccountRef string
	Key        string
	Raw        []byte
	Reason     string
}
