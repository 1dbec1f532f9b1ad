package httpd

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

// answer is how a code is told over HTTP and how loud it is in the log.
type answer struct {
	status int
	level  slog.Level
}

const quiet = slog.LevelDebug

// answers maps every code of fault; a test fails when one is missing.
func answers() map[fault.Code]answer {
	return map[fault.Code]answer{
		fault.Invalid:             {http.StatusBadRequest, quiet},
		fault.Unauthenticated:     {http.StatusUnauthorized, quiet},
		fault.Forbidden:           {http.StatusForbidden, slog.LevelInfo},
		fault.NotFound:            {http.StatusNotFound, quiet},
		fault.Conflict:            {http.StatusConflict, quiet},
		fault.AlreadyClaimed:      {http.StatusConflict, quiet},
		fault.ReplyWindowClosed:   {http.StatusConflict, quiet},
		fault.IdempotencyKeyReuse: {http.StatusConflict, quiet},
		fault.RateLimited:         {http.StatusTooManyRequests, quiet},
		fault.Unavailable:         {http.StatusServiceUnavailable, slog.LevelWarn},
		fault.Internal:            {http.StatusInternalServerError, slog.LevelError},
	}
}

// internalMessage is all that a caller learns of an internal error, beside the request id.
const internalMessage = "something went wrong on our side; tell us the request id"

// problem is one error in the form that GraphQL clients read, which serves every other caller as well.
type problem struct {
	Message    string         `json:"message"`
	Extensions map[string]any `json:"extensions"`
}

// writeError answers with the status and the JSON form of err, and logs what is worth it. What is no fault.Error is INTERNAL.
func writeError(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	code := fault.CodeOf(err)
	told, known := answers()[code]
	if !known {
		code, told = fault.Internal, answers()[fault.Internal]
	}
	log.Log(r.Context(), told.level, "request refused", "code", string(code), "error", err)
	var e *fault.Error
	if !errors.As(err, &e) || code == fault.Internal {
		e = fault.New(fault.Internal, internalMessage)
	}
	writeProblem(w, r, told.status, e)
}

// writeProblem answers with the status and the JSON form of e.
func writeProblem(w http.ResponseWriter, r *http.Request, status int, e *fault.Error) {
	p := problem{Extensions: map[string]any{"code": e.Code}}
	if id := telemetry.RequestID(r.Context()); id != "" {
		p.Extensions["requestId"] = id
	}
	describe(w, &p, e)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []problem{p}})
}

// describe adds what a caller may know of the error.
func describe(w http.ResponseWriter, p *problem, e *fault.Error) {
	p.Message = e.Message
	for name, value := range e.Details {
		p.Extensions[name] = value
	}
	if e.Field != "" {
		p.Extensions["field"] = e.Field
	}
	if e.RetryAfter > 0 {
		seconds := int(math.Ceil(e.RetryAfter.Seconds()))
		p.Extensions["retryAfter"] = seconds
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
}
