package meta

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// meaning is what one error code of the Cloud API says about a message.
type meaning struct {
	class channel.Class
	wait  time.Duration // for RateLimited, when the answer names no time
}

// pairLimit is the code of the limit between a number and one recipient.
const pairLimit = 131056

// meaningOf returns what code means; ok is false for codes that Meta's documents do not give a meaning for messages.
//
// 33, and 100 with subcode 33, say that the *business* number does not exist or cannot be seen with this token. They count as
// Auth, so that the account is put right: as InvalidRecipient they would mark every customer of a misconfigured account.
func meaningOf(code int) (m meaning, ok bool) {
	switch code {
	case 0, 3, 10, 33, 190, 131005:
		return meaning{class: channel.Auth}, true
	case 130429: // throughput of the number
		return meaning{channel.RateLimited, 5 * time.Second}, true
	case pairLimit: // one message each 6 s
		return meaning{channel.RateLimited, 6 * time.Second}, true
	case 4, 613, 80007: // calls of the app or the business account, counted by the hour
		return meaning{channel.RateLimited, 5 * time.Minute}, true
	case 131048, 131064, 133016: // spam score, messaging limit, registrations: hours
		return meaning{channel.RateLimited, time.Hour}, true
	case 1, 2, 131000, 131016, 131057, 133004, 135000:
		return meaning{class: channel.Transient}, true
	case 131021, 131026, 131030, 131050, 131062:
		return meaning{class: channel.InvalidRecipient}, true
	case 131063, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132068, 132069:
		return meaning{class: channel.TemplateMissing}, true
	case 100, 368, 130472, 130497, 131008, 131009, 131031, 131037, 131042, 131044, 131045, 131047, 131049,
		131051, 131052, 131053, 137000:
		return meaning{class: channel.Permanent}, true
	}
	if code >= 200 && code <= 299 { // permissions
		return meaning{class: channel.Auth}, true
	}
	return meaning{}, false
}

// class returns what the error means; status is the answer's HTTP status, or 0 in a receipt.
func (e graphError) class(status int) channel.Class {
	if e.Code == 100 && e.Subcode == 33 {
		return channel.Auth
	}
	if m, ok := meaningOf(e.Code); ok {
		return m.class
	}
	switch {
	case e.Transient, status >= 500:
		return channel.Transient
	case status == http.StatusTooManyRequests:
		return channel.RateLimited
	case e.Type == "OAuthException" && (status == http.StatusUnauthorized || status == http.StatusForbidden):
		return channel.Auth
	}
	return channel.Permanent
}

// maxWait bounds what an answer can make us wait.
const maxWait = 24 * time.Hour

// retryAfter returns how long to wait: the longest time in the usage header, or the code's own.
func retryAfter(code int, header http.Header) time.Duration {
	var usage map[string][]struct {
		Minutes float64 `json:"estimated_time_to_regain_access"`
	}
	wait := time.Duration(0)
	if json.Unmarshal([]byte(header.Get("X-Business-Use-Case-Usage")), &usage) == nil {
		for _, cases := range usage {
			for _, c := range cases {
				minutes := min(max(c.Minutes, 0), maxWait.Minutes())
				wait = max(wait, time.Duration(minutes*float64(time.Minute)))
			}
		}
	}
	if wait > 0 {
		return wait
	}
	m, _ := meaningOf(code)
	return m.wait
}

// reason returns Meta's most telling words as one short line that is safe to show: without addresses and without token.
func (e graphError) reason(token string) string {
	text := e.Message
	for _, better := range []string{e.Data.Details, e.UserText, e.Message, e.Title} {
		if better != "" {
			text = better
			break
		}
	}
	if token != "" {
		text = strings.ReplaceAll(text, token, "…")
	}
	text = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://\S+`).ReplaceAllString(text, "…")
	text = strings.Join(strings.Fields(strings.Map(printable, text)), " ")
	if r := []rune(text); len(r) > 300 {
		text = string(r[:299]) + "…"
	}
	if text == "" {
		return "WhatsApp gives no reason."
	}
	return text
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}
