package main

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

func disableAgent(ctx context.Context, args []string) error {
	return switchAgent(ctx, args, "disable", (*inbox.Operator).DisableAgent)
}

func enableAgent(ctx context.Context, args []string) error {
	return switchAgent(ctx, args, "enable", (*inbox.Operator).EnableAgent)
}

func switchAgent(ctx context.Context, args []string, verb string, do func(*inbox.Operator, context.Context, string, string) (uuid.UUID, error)) error {
	set := flags("agent "+verb, "--tenant acme --email ada@example.com")
	tenant, email := set.String("tenant", "", "slug of the tenant"), set.String("email", "", "sign-in address")
	if err := parse(set, args, "tenant", "email"); err != nil {
		return err
	}
	return asOperator(ctx, needs{}, func(_ environment, o *inbox.Operator, _ *channel.Registry) error {
		id, err := do(o, ctx, *tenant, *email)
		return tell(err, "agent", *email, "id", id.String(), "is", verb+"d")
	})
}

func revokeAPIKey(ctx context.Context, args []string) error {
	set := flags("apikey revoke", "--tenant acme --key 0190…")
	tenant, key := set.String("tenant", "", "slug of the tenant"), set.String("key", "", "id that apikey create printed")
	if err := parse(set, args, "tenant", "key"); err != nil {
		return err
	}
	id, err := uuid.Parse(*key)
	if err != nil {
		return errors.New("--key is the id that apikey create printed, not the key itself")
	}
	return asOperator(ctx, needs{}, func(_ environment, o *inbox.Operator, _ *channel.Registry) error {
		return tell(o.RevokeAPIKey(ctx, *tenant, id), "api key", id.String(), "is", "revoked")
	})
}
