package meta

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// signatureHeader carries "sha256=" and the HMAC of the raw body under the app's secret. The older SHA-1 header is ignored.
const signatureHeader = "X-Hub-Signature-256"

// Receive verifies a webhook and takes it apart. It returns channel.ErrSignature for a request that is not Meta's, and an error
// wrapping channel.ErrMalformed for a body that is no JSON object. Everything below that level fails alone: an entry, a change,
// a message or a receipt that cannot be read is one Item with a Reason.
func (p *Provider) Receive(_ context.Context, endpoint channel.Endpoint, request channel.Request) ([]channel.Item, error) {
	values := request.Header.Values(signatureHeader)
	signature, prefixed := "", false
	if len(values) == 1 {
		signature, prefixed = strings.CutPrefix(values[0], "sha256=")
	}
	// Verified in any case, so that a missing header costs what a wrong one costs.
	if genuine := endpoint.VerifySHA256(request.Body, signature); !genuine || !prefixed {
		return nil, channel.ErrSignature
	}
	body, err := channel.ReadJSON(request.Body)
	if err != nil {
		return nil, err
	}
	return p.split(body)
}

// Challenge answers Meta's question whether we own a webhook address. It returns channel.ErrSignature when the token is not the
// endpoint's, or when the challenge is not the number that Meta sends: echoing anything else would reflect foreign markup.
func (p *Provider) Challenge(_ context.Context, endpoint channel.Endpoint, request channel.Request) ([]byte, error) {
	known := endpoint.VerifyToken(request.Query.Get("hub.verify_token"))
	challenge := request.Query.Get("hub.challenge")
	numeric := regexp.MustCompile(`^[0-9]{1,20}$`).MatchString(challenge)
	if !known || !numeric || request.Method != http.MethodGet || request.Query.Get("hub.mode") != "subscribe" {
		return nil, channel.ErrSignature
	}
	return []byte(challenge), nil
}

// split walks object → entry → change and collects the items.
func (p *Provider) split(body channel.JSON) ([]channel.Item, error) {
	top, err := object(body)
	if err != nil {
		return nil, err
	}
	if kind := top["object"].Text(); kind != "whatsapp_business_account" {
		return []channel.Item{quarantined("", body, "the webhook is not about a WhatsApp business account")}, nil
	}
	entries, err := list(top["entry"])
	if err != nil {
		return nil, malformed("entry: %s", reasonOf(err))
	}
	var items []channel.Item
	for _, entry := range entries {
		if items = append(items, p.entry(entry)...); len(items) > maxItems {
			return nil, malformed("more than %d items", maxItems)
		}
	}
	return items, nil
}

func (p *Provider) entry(raw channel.JSON) []channel.Item {
	entry, err := object(raw)
	if err != nil {
		return []channel.Item{quarantined("", raw, "entry: "+reasonOf(err))}
	}
	if len(entry["id"])+len(entry["time"]) > roomItem { // each notice holds them
		return []channel.Item{quarantined("", raw, "entry.id or entry.time is too long")}
	}
	changes, err := list(entry["changes"])
	if err != nil {
		return []channel.Item{quarantined("", raw, "entry.changes: "+reasonOf(err))}
	}
	var items []channel.Item
	for _, change := range changes {
		if items = append(items, p.change(entry, change)...); len(items) > maxItems {
			break // split refuses the body
		}
	}
	return items
}

// change reads one change. Only the field "messages" changes conversations; every other report is kept as a notice.
func (p *Provider) change(entry map[string]channel.JSON, raw channel.JSON) []channel.Item {
	change, err := object(raw)
	if err != nil {
		return []channel.Item{quarantined("", raw, "change: "+reasonOf(err))}
	}
	field := change["field"].Text()
	if field == "" {
		return []channel.Item{quarantined("", raw, "change.field is missing")}
	}
	value, valueErr := object(change["value"])
	if field == "messages" && valueErr != nil {
		return []channel.Item{quarantined("", raw, "change.value: "+reasonOf(valueErr))}
	}
	s, err := newScope(value, len(raw))
	if err != nil {
		return []channel.Item{quarantined("", raw, "change.value."+reasonOf(err))}
	}
	if field != "messages" {
		kept := assemble(part{"id", entry["id"]}, part{"time", entry["time"]}, part{"change", raw})
		return []channel.Item{notice(s.account, field, kept)}
	}
	items := p.value(s, value)
	if s.room.full() {
		return []channel.Item{quarantined(s.account, raw, "change: its items would hold far more than it does")}
	}
	return items
}

// value reads the lists of a "messages" change. What no list claims is kept as a notice, so that nothing of a payload is lost. It stops
// early when the scope's room is full; then the change has to be kept whole.
func (p *Provider) value(s scope, value map[string]channel.JSON) []channel.Item {
	var items []channel.Item
	for _, name := range names(value) {
		if s.room.full() {
			return nil
		}
		raw := value[name]
		switch name {
		case "messaging_product", "metadata", "contacts":
		case "messages":
			items = append(items, s.each(name, raw, p.message)...)
		case "statuses":
			items = append(items, s.each(name, raw, p.status)...)
		case "errors":
			items = append(items, s.each(name, raw, func(s scope, e channel.JSON) channel.Item {
				return notice(s.account, "errors", s.pack(part{"error", e}))
			})...)
		default:
			items = append(items, notice(s.account, "messages."+name, s.pack(part{name, raw})))
		}
	}
	for _, c := range s.contacts {
		if !c.claimed && !s.room.full() {
			items = append(items, notice(s.account, "messages.contacts", s.pack(part{"contact", c.raw})))
		}
	}
	return items
}

// each reads the elements of a list one by one; a panic over one of them is one quarantined item.
func (s scope) each(name string, raw channel.JSON, read func(scope, channel.JSON) channel.Item) []channel.Item {
	elements, err := list(raw)
	if err != nil {
		return []channel.Item{quarantined(s.account, s.pack(part{name, raw}), name+": "+reasonOf(err))}
	}
	items := make([]channel.Item, 0, len(elements))
	for _, element := range elements {
		if s.room.full() {
			return nil
		}
		items = append(items, s.guarded(element, read))
	}
	return items
}

func (s scope) guarded(raw channel.JSON, read func(scope, channel.JSON) channel.Item) (item channel.Item) {
	defer func() {
		if recover() != nil {
			item = quarantined(s.account, s.pack(part{"item", raw}), "reading it failed unexpectedly")
		}
	}()
	return read(s, raw)
}

// quarantined is an item that could not be understood. Its bytes are all there is to identify it by.
func quarantined(account string, raw []byte, reason string) channel.Item {
	return channel.Item{AccountRef: account, Key: digest(raw), Raw: raw, Reason: reason}
}

func notice(account, field string, raw []byte) channel.Item {
	return channel.Item{AccountRef: account, Key: digest(raw), Raw: raw, Event: channel.Notice{Field: clip(field, 100)}}
}

// digest identifies a report that has no id of its own by its bytes.
func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// reasonOf returns the words of a malformed-JSON error without their prefix.
func reasonOf(err error) string {
	return strings.TrimPrefix(err.Error(), channel.ErrMalformed.Error()+": ")
}
