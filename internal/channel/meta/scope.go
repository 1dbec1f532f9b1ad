package meta

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// scope is what the messages and receipts of one change share: the business number, and the people they name.
type scope struct {
	account  string // phone_number_id
	metadata channel.JSON
	contacts []*contact
	byID     map[string]*contact
	room     *room
}

// contact is one entry of contacts[]: who a message is from.
type contact struct {
	raw     channel.JSON
	claimed bool   // a message or receipt carries it
	WAID    string `json:"wa_id"`
	UserID  string `json:"user_id"`
	Parent  string `json:"parent_user_id"`
	Profile struct {
		Name     string `json:"name"`
		Username string `json:"username"`
	} `json:"profile"`
}

// room bounds what the items of one change hold together. Each of them holds the metadata and its person again, so that without a bound
// a large metadata and many small messages would become a thousand times what was sent.
type room struct{ left, items int }

const (
	roomFactor = 4   // the items of a change hold at most so many times its bytes,
	roomItem   = 512 // and so many for each item: more than metadata, contact and names that Meta sends
)

func newRoom(change int) *room { return &room{left: roomFactor * change} }

func (r *room) take(bytes int) {
	r.items++
	r.left += roomItem - bytes
}

// full tells that the change cannot be split into items.
func (r *room) full() bool { return r.left < 0 || r.items > maxItems }

// newScope reads metadata and contacts of a change's value; size is the bytes of the change. A contact that cannot be read stays unclaimed
// and ends as a notice. It returns an error for metadata that is there and does not say clearly whose the change is: no address may make up
// for that.
func newScope(value map[string]channel.JSON, size int) (scope, error) {
	s := scope{metadata: value["metadata"], byID: map[string]*contact{}, room: newRoom(size)}
	if len(s.metadata) > 0 && string(s.metadata) != "null" {
		metadata, err := object(s.metadata)
		if err != nil {
			return s, malformed("metadata: %s", reasonOf(err))
		}
		s.account = clip(metadata["phone_number_id"].Text(), 64)
		if s.account == "" && len(metadata["phone_number_id"]) > 0 {
			return s, malformed("metadata.phone_number_id has the wrong type")
		}
	}
	entries, err := list(value["contacts"])
	if err != nil && len(value["contacts"]) > 0 {
		entries = []channel.JSON{value["contacts"]}
	}
	for _, raw := range entries {
		c := &contact{}
		if raw.Decode(c) != nil {
			c = &contact{}
		}
		c.raw = raw
		s.contacts = append(s.contacts, c)
		for _, id := range []string{c.WAID, c.UserID} {
			if id != "" && s.byID[id] == nil {
				s.byID[id] = c
			}
		}
	}
	return s, nil
}

// contact returns the entry for the first of the ids that has one, or the only entry when no id is given; otherwise nil.
func (s scope) contact(ids ...string) *contact {
	named := false
	for _, id := range ids {
		if c := s.byID[id]; id != "" && c != nil {
			return c
		}
		named = named || id != ""
	}
	if !named && len(s.contacts) == 1 {
		return s.contacts[0]
	}
	return nil
}

// keep returns the item's own bytes: what it shares with others in the change, the person it names, and itself.
func (s scope) keep(c *contact, name string, raw channel.JSON) []byte {
	var parts []part
	if c != nil {
		c.claimed = true
		parts = append(parts, part{"contact", c.raw})
	}
	return s.pack(append(parts, part{name, raw})...)
}

// pack assembles an item of the change: its metadata and the parts.
func (s scope) pack(parts ...part) []byte {
	raw := assemble(append([]part{{"metadata", s.metadata}}, parts...)...)
	s.room.take(len(raw))
	return raw
}

// part is one member of an assembled object; an absent one is left out.
type part struct {
	name string
	raw  channel.JSON
}

// assemble joins raw values to one JSON object without touching their bytes.
func assemble(parts ...part) []byte {
	size := 2
	for _, p := range parts {
		size += len(p.name) + len(p.raw) + 4
	}
	var b bytes.Buffer
	b.Grow(size)
	b.WriteByte('{')
	for _, p := range parts {
		if len(p.raw) == 0 {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(p.name) // a string always marshals
		b.Write(name)
		b.WriteByte(':')
		b.Write(p.raw)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// object reads one level of a JSON object; two names that differ in case only are an error.
func object(raw channel.JSON) (map[string]channel.JSON, error) {
	members, err := raw.Members()
	if err != nil {
		return nil, err
	}
	m := make(map[string]channel.JSON, len(members))
	for _, member := range members {
		m[member.Name] = member.Value
	}
	return m, nil
}

func names(m map[string]channel.JSON) []string { return slices.Sorted(maps.Keys(m)) }

// maxItems is more than a webhook of Meta's largest size can hold; beyond it somebody tries to fill our memory.
const maxItems = 10_000

// list reads one level of a JSON array. null and an absent value are an empty list.
func list(raw channel.JSON) ([]channel.JSON, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	return raw.Elements()
}

// phone returns the E.164 form of a wa_id, or "" when it is none.
func phone(waID string) string {
	digits := strings.TrimPrefix(strings.TrimSpace(waID), "+")
	if strings.ContainsAny(digits, " -.()") {
		digits = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "").Replace(digits)
	}
	if len(digits) < 5 || len(digits) > 15 {
		return ""
	}
	for _, r := range digits {
		if r < '0' || r > '9' {
			return ""
		}
	}
	return "+" + digits
}

// clip shortens s to at most limit bytes at a character boundary.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
