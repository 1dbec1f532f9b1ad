package auth

import "context"

type slugKey struct{}

// WithTenantSlug returns a context that knows which tenant the request's subdomain names. It selects, and never authorises.
func WithTenantSlug(ctx context.Context, slug string) context.Context {
	return context.WithValue(ctx, slugKey{}, slug)
}

// TenantSlug returns the tenant that the request's subdomain names, or "" when it names none.
func TenantSlug(ctx context.Context) string {
	slug, _ := ctx.Value(slugKey{}).(string)
	return slug
}
