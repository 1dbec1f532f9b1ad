package telemetry

import (
	"context"
	"io"
	"log/slog"
	"regexp"
)

type requestKey struct{}

// WithRequest returns a context whose log lines carry the request id; it is the id an INTERNAL error shows to its caller.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestID returns the id of the request that ctx belongs to, or "" outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

type tenantKey struct{}

// WithTenant returns a context whose log lines carry the tenant.
func WithTenant(ctx context.Context, tenant string) context.Context {
	return context.WithValue(ctx, tenantKey{}, tenant)
}

// NewLogger returns a logger that writes JSON lines to w: with the context's request and tenant, and with phone numbers and email
// addresses masked wherever they stand, so that a careless line does no harm.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	json := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: mask})
	return slog.New(handler{json})
}

type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, record slog.Record) error {
	if id := RequestID(ctx); id != "" {
		record.AddAttrs(slog.String("request", id))
	}
	if tenant, ok := ctx.Value(tenantKey{}).(string); ok {
		record.AddAttrs(slog.String("tenant", tenant))
	}
	return h.Handler.Handle(ctx, record)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

var (
	// A "+" and 7 to 15 digits is an E.164 number; bare digits are not touched, since ids and counts look the same.
	phonePattern = regexp.MustCompile(`\+\d[\d ().-]{5,17}\d`)
	emailPattern = regexp.MustCompile(`[A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}`)
)

func mask(_ []string, attr slog.Attr) slog.Attr {
	switch value := attr.Value.Resolve(); value.Kind() {
	case slog.KindString:
		attr.Value = slog.StringValue(Mask(value.String()))
	case slog.KindAny:
		if err, ok := value.Any().(error); ok {
			attr.Value = slog.StringValue(Mask(err.Error()))
		}
	}
	return attr
}

// Mask hides the phone numbers and email addresses in text, all but what helps to recognise one's own: the last two digits, the
// first letter and the domain.
func Mask(text string) string {
	text = phonePattern.ReplaceAllStringFunc(text, func(phone string) string { return "+…" + phone[len(phone)-2:] })
	return emailPattern.ReplaceAllStringFunc(text, func(email string) string {
		for i := range email {
			if email[i] == '@' {
				return email[:1] + "…" + email[i:]
			}
		}
		return "…"
	})
}
