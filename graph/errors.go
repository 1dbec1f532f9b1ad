package graph

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

// internalMessage is all that a client learns of an error that is not meant for it.
const internalMessage = "something went wrong on our side; try again, and tell support the request id if it stays"

// severity is how an error of a code is logged.
type severity int

const (
	unmapped severity = iota
	quiet             // the client's own business
	noted             // worth a line at level INFO
	warned            // something is not well here
	failed            // a defect: with its cause and place
)

// severityOf maps every code; a test fails when one is missing, and an unmapped code is shown as INTERNAL.
func severityOf(code fault.Code) severity {
	switch code {
	case fault.Invalid, fault.Unauthenticated, fault.NotFound, fault.Conflict, fault.AlreadyClaimed, fault.ReplyWindowClosed,
		fault.IdempotencyKeyReuse:
		return quiet
	case fault.Forbidden, fault.RateLimited:
		return noted
	case fault.Unavailable:
		return warned
	case fault.Internal:
		return failed
	}
	return unmapped
}

// presenter turns errors into what clients may see: the codes of package fault with their message and details, and INTERNAL with a
// request id for everything else.
type presenter struct {
	logger    *slog.Logger
	requestID func(context.Context) string // nil: telemetry.RequestID
}

// present returns the client's form of an error and logs what is not the client's own business.
func (p presenter) present(ctx context.Context, err error) *gqlerror.Error {
	shown := &gqlerror.Error{Path: pathOf(ctx)}
	if shown.Path == nil {
		shown.Path = presentedPath(err)
	}
	var located *gqlerror.Error
	if errors.As(err, &located) {
		shown.Locations = located.Locations
	}
	f := p.classify(err, located)
	p.log(ctx, f, shown.Path, err)
	shown.Message, shown.Err = f.Message, f
	shown.Extensions = extensions(f, located, shown.Path)
	if f.Code == fault.Internal {
		shown.Message = internalMessage
		shown.Extensions = map[string]any{"code": string(fault.Internal), "requestId": p.request(ctx)}
	}
	return shown
}

func (p presenter) request(ctx context.Context) string {
	if p.requestID == nil {
		return telemetry.RequestID(ctx)
	}
	return p.requestID(ctx)
}

// classify returns the fault in an error; for those of the GraphQL library and of an ended context, the fault they amount to.
func (p presenter) classify(err error, located *gqlerror.Error) *fault.Error {
	var f *fault.Error
	switch {
	case errors.As(err, &f) && severityOf(f.Code) != unmapped:
		return f
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &fault.Error{Code: fault.Unavailable, Message: "this took too long and was given up; try again", Err: err}
	case located != nil && aboutTheDocument(located):
		return &fault.Error{Code: fault.Invalid, Message: located.Message}
	}
	return &fault.Error{Code: fault.Internal, Message: internalMessage, Err: err}
}

// aboutTheDocument reports whether the GraphQL library made the error while it read the client's document or variables; its message
// holds nothing but what the client sent.
func aboutTheDocument(err *gqlerror.Error) bool {
	switch err.Extensions["code"] {
	case errcode.ParseFailed, errcode.ValidationFailed:
		return true
	}
	return err.Err == nil && err.Rule != ""
}

func (p presenter) log(ctx context.Context, f *fault.Error, path ast.Path, err error) {
	attrs := []any{"code", string(f.Code), "path", path.String()}
	switch severityOf(f.Code) {
	case noted:
		p.logger.InfoContext(ctx, "operation refused", attrs...)
	case warned:
		p.logger.WarnContext(ctx, "operation not available", append(attrs, "error", err.Error())...)
	case failed:
		p.logger.ErrorContext(ctx, "operation failed", append(attrs, "error", err.Error())...)
	}
}

// extensions returns what a client can branch on: the code, the input field at fault, when to try again, and the details by name.
func extensions(f *fault.Error, located *gqlerror.Error, path ast.Path) map[string]any {
	shown := map[string]any{}
	for name, detail := range f.Details {
		shown[name] = detail
	}
	if len(f.Details) > 0 {
		shown["details"] = f.Details
	}
	shown["code"] = string(f.Code)
	if field := fieldOf(f, located, path); field != "" {
		shown["field"] = field
	}
	if f.RetryAfter > 0 {
		shown["retryAfter"] = int(math.Ceil(f.RetryAfter.Seconds()))
	}
	return shown
}

// fieldOf returns the input field at fault: the one that the domain named, or the rest of the error's path below the field of the
// response, which is where an argument could not be read. Arguments are named without the one `input` that each mutation has.
func fieldOf(f *fault.Error, located *gqlerror.Error, path ast.Path) string {
	if f.Field != "" || f.Code != fault.Invalid || located == nil {
		return f.Field
	}
	parts := located.Path
	switch {
	case len(parts) > 0 && parts[0] == ast.PathName("variable"):
		if parts = parts[1:]; len(parts) > 1 {
			if _, named := parts[1].(ast.PathName); named {
				parts = parts[1:] // the variable's own name is no field
			}
		}
	case len(parts) > len(path):
		parts = parts[len(path):]
	default:
		return ""
	}
	return strings.TrimPrefix(parts.String(), "input.")
}

// presentedPath returns the path of an error that was presented before, in another context.
func presentedPath(err error) ast.Path {
	var located *gqlerror.Error
	var f *fault.Error
	if errors.As(err, &located) && errors.As(located.Err, &f) && located.Extensions["code"] != nil {
		return located.Path
	}
	return nil
}

// pathOf returns the place in the response, without the arguments that gqlgen adds while it reads them.
func pathOf(ctx context.Context) ast.Path {
	if field := graphql.GetFieldContext(ctx); field != nil {
		return field.Path()
	}
	return nil
}

// recovered turns a panic in a resolver into an error with the place for the log.
func recovered(_ context.Context, p any) error { return fault.Panicked(p) }
