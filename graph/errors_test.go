package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

func TestEveryCodeIsMapped(t *testing.T) {
	t.Parallel()
	for _, code := range fault.Codes() {
		if severityOf(code) == unmapped {
			t.Errorf("severityOf does not know %s", code)
		}
	}
	if severityOf("NEW_CODE") != unmapped {
		t.Error("an unknown code is taken for a known one")
	}
}

func present(t *testing.T, err error) (shown map[string]any, message, log string) {
	t.Helper()
	out := &logged{}
	p := presenter{logger: telemetry.NewLogger(out, slog.LevelDebug)}
	got := p.present(telemetry.WithRequest(context.Background(), "request-7"), err)
	return got.Extensions, got.Message, out.String()
}

func TestKnownErrorsAreShown(t *testing.T) {
	t.Parallel()
	holder := map[string]any{"id": "1", "name": "Ada"}
	shown, message, _ := present(t, fmt.Errorf("outer: %w", &fault.Error{
		Code: fault.AlreadyClaimed, Message: "somebody else holds this conversation", Details: map[string]any{"holder": holder},
		Err: errors.New("the cause is secret"),
	}))
	if shown["code"] != "ALREADY_CLAIMED" || fmt.Sprint(shown["holder"]) != fmt.Sprint(holder) || message != "somebody else holds this conversation" {
		t.Errorf("got %v %q", shown, message)
	}
	shown, _, log := present(t, &fault.Error{Code: fault.RateLimited, Message: "wait", RetryAfter: 1200 * time.Millisecond})
	if shown["retryAfter"] != 2 || !strings.Contains(log, "RATE_LIMITED") {
		t.Errorf("got %v, log %s", shown, log)
	}
	if shown, _, log = present(t, fault.BadField("until", "later")); shown["field"] != "until" || log != "" {
		t.Errorf("got %v, log %s", shown, log)
	}
	if shown, _, _ = present(t, context.DeadlineExceeded); shown["code"] != "UNAVAILABLE" {
		t.Errorf("H11: got %v", shown)
	}
}

// Whatever is not an error of ours shows its number only; the log has the cause. (H10)
func TestUnknownErrorsAreHidden(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		errors.New("pq: secret detail"),
		&fault.Error{Code: "NEW_CODE", Message: "secret"},
		&fault.Error{Code: fault.Internal, Message: "secret"},
		graphql.ErrorOnPath(context.Background(), errors.New("secret")),
	} {
		shown, message, log := present(t, err)
		if shown["code"] != "INTERNAL" || shown["requestId"] != "request-7" || len(shown) != 2 || message != internalMessage {
			t.Errorf("%v: got %v %q", err, shown, message)
		}
		if !strings.Contains(log, "secret") || !strings.Contains(log, "request-7") {
			t.Errorf("%v: the log does not tell the cause: %s", err, log)
		}
	}
}

// An error of a subscription is presented where it is made and again by the transport.
func TestPresentingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	p := presenter{logger: slog.New(slog.DiscardHandler)}
	for _, err := range []error{fault.BadField("after", "no"), errors.New("secret"), fault.New(fault.NotFound, "gone")} {
		once := p.present(context.Background(), err)
		twice := p.present(context.Background(), once)
		if fmt.Sprint(once.Message, once.Extensions) != fmt.Sprint(twice.Message, twice.Extensions) {
			t.Errorf("%v became %v", once, twice)
		}
	}
}

func TestArgumentsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	h, _ := edge(t)
	const claim = `mutation($in: ClaimConversationInput!) { claimConversation(input: $in) { conversation { id } } }`
	const snooze = `mutation($in: SnoozeConversationInput!) { snoozeConversation(input: $in) { conversation { id } } }`
	good := "018f0000-0000-7000-8000-000000000001"
	for name, c := range map[string]struct {
		query string
		vars  map[string]any
		field string
	}{
		"id in a variable": {claim, map[string]any{"in": map[string]any{"conversationId": "x"}}, "conversationId"},
		"id that is none":  {claim, map[string]any{"in": map[string]any{"conversationId": 7}}, "conversationId"},
		"missing":          {claim, map[string]any{"in": map[string]any{}}, "conversationId"},
		"unknown":          {claim, map[string]any{"in": map[string]any{"conversationId": good, "x": 1}}, "x"},
		"id in the text":   {`{ conversation(id: "x") { id } }`, nil, "id"},
		"NUL":              {claim, map[string]any{"in": map[string]any{"conversationId": good, "idempotencyKey": "a\x00b"}}, "idempotencyKey"},
		"time":             {snooze, map[string]any{"in": map[string]any{"conversationId": good, "until": "tomorrow"}}, "until"},
		"time beyond":      {snooze, map[string]any{"in": map[string]any{"conversationId": good, "until": "99999-01-01T00:00:00Z"}}, "until"},
		"enum":             {`query($s: [ConversationStatus!]) { conversations(filter: {status: $s}) { cursor } }`, map[string]any{"s": []string{"GONE"}}, "s[0]"},
	} {
		got := post(t, h, c.query, c.vars)
		if got.code() != "INVALID" || got.Errors[0].Extensions["field"] != c.field {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestWithoutACallerNothingIsTold(t *testing.T) {
	t.Parallel()
	h, _ := edge(t)
	id := `"018f0000-0000-7000-8000-000000000001"`
	for _, query := range []string{
		"{ viewer { agent { id } } }", "{ agents { id } }", "{ teams { id } }", "{ channelAccounts { id } }", "{ unreadCount { cursor } }",
		"{ conversations { cursor } }", "{ conversationCounts { all } }", "{ alerts { cursor } }", "{ contact(id: " + id + ") { id } }",
		"{ conversation(id: " + id + ") { id } }",
		"mutation { claimConversation(input: {conversationId: " + id + "}) { conversation { id } } }",
		"mutation { markRead(input: {conversationId: " + id + ", upToMessageId: " + id + "}) { unreadCount } }",
		"mutation { sendMessage(input: {conversationId: " + id + `, text: "x"}) { message { id } } }`,
		"mutation { retryMessage(input: {messageId: " + id + "}) { message { id } } }",
	} {
		if got := post(t, h, query, nil); got.code() != "UNAUTHENTICATED" {
			t.Errorf("%s: got %+v", query, got)
		}
	}
}

// A resolver that panics is one error with a number for the operator, and no word of why. (H10)
func TestAPanicIsOneError(t *testing.T) {
	t.Parallel()
	h, log := edge(t)
	// Without a limiter of attempts the resolver panics.
	got := post(t, h, `mutation { refresh(input: {refreshToken: "x"}) { accessToken } }`, nil)
	if got.code() != "INTERNAL" || got.Status != 200 || !strings.Contains(log.String(), "windows.go") {
		t.Fatalf("got %+v, log %s", got, log)
	}
}
