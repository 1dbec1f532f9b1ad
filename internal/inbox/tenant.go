package inbox

import (
	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// TenantID names one business. Its field is unexported, so a tenant cannot appear by accident: every use case takes one, and
// code that has none does not compile.
type TenantID struct{ id uuid.UUID }

// TenantOf returns the TenantID of a stored id. Only code that has authenticated a caller or routed an item calls it.
func TenantOf(id uuid.UUID) TenantID { return TenantID{id: id} }

// ParseTenantID returns the TenantID written in s, or an Invalid error.
func ParseTenantID(s string) (TenantID, error) {
	id, err := uuid.Parse(s)
	if err != nil || id == uuid.Nil {
		return TenantID{}, fault.BadField("tenant", "a tenant id is a UUID")
	}
	return TenantID{id: id}, nil
}

// UUID returns the stored form.
func (t TenantID) UUID() uuid.UUID { return t.id }

// String returns the canonical text form.
func (t TenantID) String() string { return t.id.String() }

// IsZero reports whether t names no tenant.
func (t TenantID) IsZero() bool { return t.id == uuid.Nil }

// Tenant is a business and its policies.
type Tenant struct {
	ID                  TenantID
	Slug                string // the subdomain
	Name                string
	Suspended           bool
	ReopenWithinDays    int  // an inbound message this many days after RESOLVED reopens; later it starts anew
	ReopenKeepsAssignee bool // whether a reopened conversation keeps its assignee
}
