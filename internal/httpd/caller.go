package httpd

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

// Authenticator recognises callers; auth.Auth is one.
type Authenticator interface {
	// Authenticate returns who calls and until when that holds, or an Unauthenticated error.
	Authenticate(ctx context.Context, credentials auth.Credentials) (inbox.Actor, time.Time, error)
}

// underSubdomain notes the tenant that the host names below the base domain. An empty base switches that off.
func underSubdomain(base string, next http.Handler) http.Handler {
	if base == "" {
		return next
	}
	pattern := regexp.MustCompile(`^([a-z0-9-]{1,63})\.` + regexp.QuoteMeta(strings.ToLower(base)) + `$`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(r.Host)
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if match := pattern.FindStringSubmatch(host); match != nil {
			r = r.WithContext(auth.WithTenantSlug(r.Context(), match[1]))
		}
		next.ServeHTTP(w, r)
	})
}

// recognised finds out who calls by the request's headers. Without credentials the request goes on as nobody's, since signing in must be
// possible; with a wrong one it ends here, so that no caller mistakes himself for signed in.
func recognised(who Authenticator, identify func(context.Context, inbox.Actor, time.Time) context.Context, log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		credentials, err := credentialsOf(r)
		if err != nil {
			writeError(w, r, log, err)
			return
		}
		if credentials.Bearer == "" && credentials.APIKey == "" {
			next.ServeHTTP(w, r)
			return
		}
		actor, expires, err := who.Authenticate(r.Context(), credentials)
		if err != nil {
			if fault.Is(err, fault.Unauthenticated) {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			writeError(w, r, log, err)
			return
		}
		ctx := telemetry.WithTenant(r.Context(), actor.Tenant().String())
		next.ServeHTTP(w, r.WithContext(identify(ctx, actor, expires)))
	})
}

func credentialsOf(r *http.Request) (auth.Credentials, error) {
	credentials := auth.Credentials{TenantSlug: auth.TenantSlug(r.Context())}
	bearers, keys := r.Header.Values("Authorization"), r.Header.Values("X-API-Key")
	if len(bearers) > 1 || len(keys) > 1 {
		return credentials, fault.New(fault.Unauthenticated, "send each credential once")
	}
	if len(keys) == 1 {
		credentials.APIKey = keys[0]
	}
	if len(bearers) == 1 {
		scheme, token, found := strings.Cut(bearers[0], " ")
		if !found || !strings.EqualFold(scheme, "Bearer") || token == "" {
			return credentials, fault.New(fault.Unauthenticated, "the Authorization header has the form: Bearer <access token>")
		}
		credentials.Bearer = strings.TrimSpace(token)
	}
	if len(keys) == 1 && credentials.APIKey == "" {
		return credentials, fault.New(fault.Unauthenticated, "the X-API-Key header is empty")
	}
	return credentials, nil
}

// Credentials returns what a request carries itself, for the GraphQL handler, which adds what a socket's first message brings. Headers
// that cannot be read count as absent here: the request has been refused for them before.
func Credentials(r *http.Request) auth.Credentials {
	credentials, _ := credentialsOf(r)
	return credentials
}
