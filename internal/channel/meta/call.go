package meta

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// maxAnswer is more than any answer of the Graph API to what we ask.
const maxAnswer = 1 << 20

// answer is what came back with a 2xx status.
type answer struct {
	status int
	body   []byte
}

// post calls the Graph API once. The three ways it can fail are kept apart, because they decide whether a message may be sent
// again: the request never left (known: not accepted), Meta said no (known), or nobody knows.
func (p *Provider) post(ctx context.Context, path, token string, body []byte) (answer, *channel.SendError) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	left := &atomic.Bool{}
	request, err := p.request(traced(ctx, left), http.MethodPost, path, token, body)
	if err != nil {
		return answer{}, refused(channel.Permanent, "request", "The call could not be built.")
	}
	response, err := p.client.Do(request)
	if err != nil {
		return answer{}, noAnswer(err, left.Load())
	}
	defer func() { _ = response.Body.Close() }()
	got, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, noAnswer(err, true)
	}
	return judge(response.StatusCode, response.Header, got, token)
}

func (p *Provider) request(ctx context.Context, method, path, token string, body []byte) (*http.Request, error) {
	address := p.base.String() + "/" + p.version + "/" + path
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token) // in no URL, since URLs are logged
	request.Header.Set("Accept", "application/json")
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// traced returns a context in which left becomes true as soon as the first byte of the request may be on the wire. Go itself repeats
// a POST only when nothing of it was written; such a repetition asks for a connection again, which resets left.
func traced(ctx context.Context, left *atomic.Bool) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { left.Store(false) },
		WroteHeaders: func() { left.Store(true) },
	})
}

// noAnswer classifies a call that brought no complete answer.
func noAnswer(err error, left bool) *channel.SendError {
	e := &channel.SendError{Class: channel.Transient, OutcomeUnknown: left, Err: err}
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, channel.ErrRedirect): // an answer after all, and not an acceptance
		e.Code, e.Reason, e.OutcomeUnknown = "redirected", "WhatsApp answered with a redirect, which is not followed.", false
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.Canceled):
		e.Code, e.Reason = "timeout", "WhatsApp did not answer in time."
	case left:
		e.Code, e.Reason = "connection_cut", "The connection to WhatsApp was cut before it answered."
	default:
		e.Code, e.Reason = "connection_failed", "WhatsApp could not be reached."
	}
	return e
}

// judge returns an answer that may be an acceptance, or what the refusal means. Meta asks to go by the error's code, not by the HTTP
// status; the status only counts when there is no readable error.
func judge(status int, header http.Header, body []byte, token string) (answer, *channel.SendError) {
	if e, ok := readGraphError(body); ok {
		return answer{}, e.sendError(status, header, token)
	}
	switch {
	case status >= 200 && status < 300:
		return answer{status: status, body: body}, nil
	case status == http.StatusTooManyRequests:
		return answer{}, refused(channel.RateLimited, "http_429", "WhatsApp asks to slow down.")
	case status >= 300 && status < 500: // something in between refused; Meta never saw it or said no
		return answer{}, refused(channel.Transient, "http_"+strconv.Itoa(status), "WhatsApp refused the call without saying why.")
	default:
		return answer{}, unreadable(status)
	}
}

// unreadable is an answer that neither accepts nor refuses, after which the message may or may not be on its way.
func unreadable(status int) *channel.SendError {
	return &channel.SendError{Class: channel.Transient, Code: "unreadable_answer", OutcomeUnknown: true,
		Reason: "WhatsApp's answer could not be read.", Err: fmt.Errorf("meta: unreadable answer with status %d", status)}
}

// graphError is the error object of the Graph API, in answers and in receipts.
type graphError struct {
	Code      int    `json:"code"`
	Subcode   int    `json:"error_subcode"`
	Type      string `json:"type"`
	Title     string `json:"title"`
	Message   string `json:"message"`
	UserText  string `json:"error_user_msg"`
	Transient bool   `json:"is_transient"`
	Data      struct {
		Details string `json:"details"`
	} `json:"error_data"`
}

// readGraphError returns the Graph error in body, if there is a well-formed one: an object with a numeric code.
func readGraphError(body []byte) (graphError, bool) {
	var envelope struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &envelope) != nil || len(envelope.Error) == 0 {
		return graphError{}, false
	}
	var present struct {
		Code *int `json:"code"`
	}
	var e graphError
	if json.Unmarshal(envelope.Error, &present) != nil || present.Code == nil || json.Unmarshal(envelope.Error, &e) != nil {
		return graphError{}, false
	}
	return e, true
}

// sendError turns the Graph error of an answer into ours.
func (e graphError) sendError(status int, header http.Header, token string) *channel.SendError {
	out := &channel.SendError{Class: e.class(status), Code: strconv.Itoa(e.Code), Reason: e.reason(token)}
	if out.Class == channel.Auth {
		out.Reason = "WhatsApp refuses the account's access token or its permissions." // Meta's words may quote the token
	}
	if out.Class == channel.RateLimited {
		out.RetryAfter, out.OneRecipient = retryAfter(e.Code, header), e.Code == pairLimit
	}
	return out
}
