package graph

import (
	"context"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

type actorKey struct{}

type credential struct {
	actor   inbox.Actor
	expires time.Time
}

// WithActor returns a context that carries who calls, and until when his credential holds (the zero time: no end). The HTTP
// middleware that checked the credential calls it.
func WithActor(ctx context.Context, actor inbox.Actor, expires time.Time) context.Context {
	return context.WithValue(ctx, actorKey{}, credential{actor: actor, expires: expires})
}

// ActorFrom returns who calls; ok is false when nobody has proved who he is.
func ActorFrom(ctx context.Context) (actor inbox.Actor, ok bool) {
	c, ok := ctx.Value(actorKey{}).(credential)
	return c.actor, ok
}

// expiryFrom returns when the caller's credential ends; zero: never.
func expiryFrom(ctx context.Context) time.Time {
	c, _ := ctx.Value(actorKey{}).(credential)
	return c.expires
}

// caller returns who calls, or an Unauthenticated error.
func caller(ctx context.Context) (inbox.Actor, error) {
	actor, ok := ActorFrom(ctx)
	if !ok {
		return inbox.Actor{}, fault.New(fault.Unauthenticated, "sign in first: send an access token or an API key")
	}
	return actor, nil
}

type addressKey struct{}

// withAddress returns a context that carries the address of the person behind a request.
func withAddress(ctx context.Context, ip string) context.Context {
	return context.WithValue(ctx, addressKey{}, ip)
}

func addressFrom(ctx context.Context) string {
	ip, _ := ctx.Value(addressKey{}).(string)
	return ip
}
