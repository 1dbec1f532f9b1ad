package graph

import (
	"cmp"
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
)

const maxPassword = 1000

// signsIn reports whether an operation checks a password, which takes long on purpose, so that it waits beside the others and not before them.
func signsIn(op *graphql.OperationContext) bool {
	seen := map[string]int{}
	countRoots(op.Operation.SelectionSet, seen)
	return seen["login"] > 0
}

// checkLogin returns the tenant to sign in to, or why this may not be tried: RateLimited, Invalid for a password that is too long, or
// the refusal of every wrong sign-in when address and input name different tenants.
func (r *Resolver) checkLogin(ctx context.Context, input gen.LoginInput) (slug string, err error) {
	slug = strings.ToLower(strings.TrimSpace(value(input.Tenant)))
	named := auth.TenantSlug(ctx)
	account := accountOf(cmp.Or(slug, named), input.Email)
	if err := r.allowAttempt(ctx, account); err != nil {
		return "", err
	}
	if err := r.allowStranger(ctx, account); err != nil {
		return "", err
	}
	switch {
	case len(input.Password) > maxPassword:
		return "", fault.BadField("password", "a password has at most %d bytes", maxPassword)
	case slug == "" && named == "":
		return "", fault.BadField("tenant", "name the tenant to sign in to, or use its own address")
	case slug != "" && named != "" && slug != named:
		return "", fault.New(fault.Unauthenticated, "the credentials are missing, wrong or expired; sign in again")
	}
	return max(slug, named), nil
}

// accountOf names the account of the address at the tenant, whether there is one or not.
func accountOf(slug, email string) string { return slug + "\x00" + auth.FoldEmail(email) }

// signedIn returns the payload of a new pair of tokens, and remembers where it went.
func (r *Resolver) signedIn(ctx context.Context, pair auth.Pair, err error) (*gen.LoginPayload, error) {
	if err != nil {
		return nil, err
	}
	viewer, err := r.Inbox.Viewer(ctx, pair.Actor)
	if err != nil {
		return nil, err
	}
	r.rememberNetwork(ctx, accountOf(viewer.Tenant.Slug, viewer.Agent.Email))
	return &gen.LoginPayload{
		AccessToken: pair.Access, ExpiresAt: pair.Expires, RefreshToken: pair.Refresh, Viewer: viewerOf(viewer),
	}, nil
}
