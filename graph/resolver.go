package graph

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// Files makes the addresses under which files can be fetched for a short time.
type Files interface {
	// SignedURL returns an address of the attachment that works for 5 minutes; with download it is saved, never shown.
	SignedURL(tenant inbox.TenantID, attachment uuid.UUID, download bool) string
}

// Resolver answers the fields of the schema. Its methods stand in the *.resolvers.go file of their noun; each decodes, makes one
// call, and wraps the answer.
type Resolver struct {
	Inbox    *inbox.Inbox
	Outbound *outbound.Outbound
	Auth     *auth.Auth
	Files    Files
	Attempts Counter // of sign-ins in all processes; nil: each counts alone
	clock    func() time.Time
	attempts *windows
}

// NewResolver returns a Resolver over the use cases. The clock tells whether a reply window is open and when sign-ins were tried.
func NewResolver(in *inbox.Inbox, out *outbound.Outbound, sessions *auth.Auth, files Files, clock func() time.Time) *Resolver {
	return &Resolver{Inbox: in, Outbound: out, Auth: sessions, Files: files, clock: clock, attempts: newWindows(clock)}
}

// orNull returns nil instead of a NotFound error, for the fields that are null then.
func orNull[T any](found T, err error) (*T, error) {
	var f *fault.Error
	if errors.As(err, &f) && f.Code == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &found, nil
}
