package meta

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// FetchMedia opens the file that an inbound message names: it asks for the file's address, which is good for five minutes, and then
// for the file. The bearer token goes to Meta's own hosts only, whatever address comes back. Every error is a *channel.SendError.
func (p *Provider) FetchMedia(ctx context.Context, account channel.Account, media channel.Media) (io.ReadCloser, error) {
	token, err := accessToken(account)
	if err != nil {
		return nil, &channel.SendError{Class: channel.Auth, Code: "credentials",
			Reason: "The account's access token is missing or unreadable.", Err: err}
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`).MatchString(media.ID) {
		return nil, refused(channel.Permanent, "media_id", "The file has no valid id.")
	}
	address, failure := p.mediaAddress(ctx, account, media.ID, token)
	if failure != nil {
		return nil, failure
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, refused(channel.Permanent, "media_url", "The file's address cannot be used.")
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := p.media.Do(request)
	if err != nil {
		return nil, known(noAnswer(err, false))
	}
	if response.StatusCode != http.StatusOK {
		return nil, mediaRefused(response, token)
	}
	return response.Body, nil
}

// mediaAddress asks the Graph API where the file is, and returns the address only if the token may go there.
func (p *Provider) mediaAddress(ctx context.Context, account channel.Account, id, token string) (string, *channel.SendError) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	request, err := p.request(ctx, http.MethodGet, id+"?phone_number_id="+url.QueryEscape(account.ExternalRef), token, nil)
	if err != nil {
		return "", refused(channel.Permanent, "media_id", "The file has no valid id.")
	}
	response, err := p.client.Do(request)
	if err != nil {
		return "", known(noAnswer(err, false))
	}
	if response.StatusCode != http.StatusOK {
		return "", mediaRefused(response, token)
	}
	defer func() { _ = response.Body.Close() }()
	var found struct {
		URL string `json:"url"`
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil || json.Unmarshal(body, &found) != nil {
		return "", known(unreadable(response.StatusCode))
	}
	if !p.trusted(found.URL) {
		return "", refused(channel.Permanent, "media_url", "WhatsApp names an address for the file that is not its own.")
	}
	return found.URL, nil
}

// trusted reports whether a media address is on a host that may see the token: Meta's two, or the configured one.
func (p *Provider) trusted(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil {
		return false
	}
	if u.Scheme == p.base.Scheme && u.Host == p.base.Host {
		return true
	}
	return u.Scheme == "https" && (u.Host == "graph.facebook.com" || u.Host == "lookaside.fbsbx.com")
}

// mediaRefused closes the answer and says whether the file may still come.
func mediaRefused(response *http.Response, token string) *channel.SendError {
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // a cut body is an unreadable one
	if e, ok := readGraphError(body); ok {
		failure := e.sendError(response.StatusCode, response.Header, token)
		if e.Code == 100 { // here the unknown object is the file: it is kept for seven days only
			failure.Class, failure.Reason = channel.Permanent, "The file is no longer at WhatsApp."
		}
		return failure
	}
	code := "http_" + strconv.Itoa(response.StatusCode)
	switch {
	case response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusGone:
		return refused(channel.Permanent, code, "The file is no longer at WhatsApp.")
	case response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden:
		return refused(channel.Auth, code, "WhatsApp refuses the account's access token for this file.")
	case response.StatusCode == http.StatusTooManyRequests:
		return refused(channel.RateLimited, code, "WhatsApp asks to slow down.")
	}
	return refused(channel.Transient, code, "WhatsApp did not hand out the file.")
}

// known marks a failed read: asking for a file changes nothing, so nothing about its outcome is in doubt.
func known(e *channel.SendError) *channel.SendError {
	e.OutcomeUnknown = false
	return e
}
