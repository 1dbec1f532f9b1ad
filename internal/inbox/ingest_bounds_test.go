package inbox_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// A message may be as large as a webhook. What everybody who watches is shown of it is bounded; the rest is kept. (H2)
func TestLongMessagesAreShownInPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, in := w.house("2101"), w.ingest()
	long := "x" + strings.Repeat("é", 1_500_000) // each limit falls into a character
	wide := long[:200_001]
	from := channel.Sender{Phone: "+491711234567", Name: wide}
	card := channel.ContactCard{Name: wide, Phones: strings.Fields(strings.Repeat("+491711234567 ", 5_000))}
	line := channel.OrderItem{ProductID: "p", Quantity: json.Number(strings.Repeat("9", 1_000)), Currency: "EUR"}
	events := []channel.Inbound{
		{ExternalID: "text", Kind: channel.KindText, Text: long},
		{ExternalID: "reaction", Kind: channel.KindReaction, Text: long, Target: "text"},
		{ExternalID: "edit", Kind: channel.KindEdit, Text: wide, Target: "text"},
		{ExternalID: "stray", Kind: channel.KindReaction, Text: wide, Target: "elsewhere"},
		{ExternalID: "file", Kind: channel.KindDocument, Text: wide, Content: channel.Content{Media: &channel.Media{ID: "1", Filename: wide, MIMEType: wide, SHA256: wide}}},
		{ExternalID: "place", Kind: channel.KindLocation, Content: channel.Content{Location: &channel.Location{Name: wide, Address: wide, URL: wide}}},
		{ExternalID: "form", Kind: channel.KindInteractive, Content: channel.Content{Reply: &channel.Reply{ID: wide, Title: wide, Description: wide, Form: json.RawMessage(`"` + wide + `"`)}}},
		{ExternalID: "ad", Kind: channel.KindText, Content: channel.Content{Referral: &channel.Referral{Headline: wide, Body: wide, SourceURL: wide}}},
		{ExternalID: "cards", Kind: channel.KindContacts, Content: channel.Content{Contacts: []channel.ContactCard{card, card, {Name: strings.Repeat("n", 99)}}}},
		{ExternalID: "basket", Kind: channel.KindOrder, Content: channel.Content{Order: &channel.Order{CatalogID: wide, Items: manyLines(line, 20_000)}}},
	}
	for _, event := range events {
		event.From = from
		item := h.item(event)
		raw, err := json.Marshal(event)
		must(t, err)
		item.Raw = raw
		w.send(in, item)
		kept := one[[]byte](w, "SELECT raw FROM webhook_items WHERE item_key = $1", event.ExternalID)
		if string(kept) != string(raw) {
			t.Errorf("%s: %d of %d bytes are kept", event.ExternalID, len(kept), len(raw))
		}
	}
	if sum := h.balanced(); int(sum.Applied) != len(events) {
		t.Fatalf("ledger = %+v", sum)
	}
	for what, most := range map[string]int{
		"text FROM messages":                                      64 << 10,
		"text FROM message_marks WHERE kind = 'EDIT'":             64 << 10,
		"text FROM message_marks WHERE kind = 'REACTION'":         64,
		"text FROM messages WHERE kind = 'REACTION'":              64,
		"content::text FROM messages":                             80 << 10,
		"content::text FROM messages WHERE kind <> 'ORDER'":       20 << 10,
		"filename FROM attachments":                               2 << 10,
		"preview FROM conversations":                              480,
		"name FROM contacts":                                      500,
		"content->'order'->'items'->0->>'currency' FROM messages": 3,
	} {
		longest := one[string](w, "SELECT s FROM (SELECT "+strings.Replace(what, " FROM", " AS s FROM", 1)+") t WHERE s <> '' ORDER BY octet_length(s) DESC LIMIT 1")
		if len(longest) > most || !utf8.ValidString(longest) {
			t.Errorf("%s: the longest has %d bytes, want at most %d", what, len(longest), most)
		}
	}
}

func manyLines(line channel.OrderItem, n int) []channel.OrderItem {
	lines := make([]channel.OrderItem, n)
	for i := range lines {
		lines[i] = line
	}
	return lines
}

// What people send is shown as it is.
func TestUsualMessagesAreShownWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, in := w.house("2102"), w.ingest()
	content := channel.Content{
		Label: "l", Media: &channel.Media{ID: "1", MIMEType: "image/png", SHA256: "s", Filename: "名前.png"},
		Location: &channel.Location{Latitude: 1, Longitude: 2, Name: "n", Address: "a", URL: "u"},
		Contacts: []channel.ContactCard{{Name: "Kim", Organization: "o", Phones: []string{"+1", "+2"}, Emails: []string{"e"}, URLs: []string{"u"}}, {Name: "Lee"}},
		Reply:    &channel.Reply{Type: "nfm_reply", ID: "i", Title: "t", Description: "d", Form: json.RawMessage(`{"a": 1}`)},
		Order:    &channel.Order{CatalogID: "c", Items: []channel.OrderItem{{ProductID: "p", Quantity: "2", Price: "1.50", Currency: "EUR"}}},
		Referral: &channel.Referral{SourceURL: "u", SourceType: "ad", SourceID: "i", Headline: "h", Body: "b"}, Forwarded: true,
	}
	text := strings.Repeat("é", 32<<10)
	w.send(in, h.item(channel.Inbound{ExternalID: "m", From: channel.Sender{Phone: "+491711234567"}, Kind: channel.KindText, Text: text, Content: content}),
		h.item(channel.Inbound{ExternalID: "r", From: channel.Sender{Phone: "+491711234567"}, Kind: channel.KindReaction, Text: "🏴󠁧󠁢󠁷󠁬󠁳󠁿", Target: "m"}))
	var stored channel.Content
	must(t, json.Unmarshal(one[[]byte](w, "SELECT content FROM messages"), &stored))
	if diff := cmp.Diff(content, stored); diff != "" {
		t.Error(diff)
	}
	if one[string](w, "SELECT text FROM messages") != text || one[string](w, "SELECT text FROM message_marks") != "🏴󠁧󠁢󠁷󠁬󠁳󠁿" {
		t.Error("a text of 64 KiB or an emoji of 28 bytes was cut")
	}
}

// Of the reactions, edits and deletions of one message that come in one body the newest are stored, for no older one is shown. Nothing
// is lost, and other messages are not concerned. (H2)
func TestMarksThatComeTogetherAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, in := w.house("2102"), w.ingest()
	from := channel.Sender{Phone: "+491711234567"}
	mark := func(kind channel.Kind, id, target, text string) channel.Item {
		return h.item(channel.Inbound{ExternalID: id, From: from, Kind: kind, Target: target, Text: text})
	}
	w.send(in, h.text("m1", from.Phone, "one"), h.text("m2", from.Phone, "two"))
	items := []channel.Item{mark(channel.KindDeletion, "gone", "m1", "")}
	for i := range 1_000 {
		items = append(items, mark(channel.KindEdit, fmt.Sprint("edit", i), "m1", fmt.Sprint("text ", i)))
	}
	items = append(items, mark(channel.KindReaction, "heart", "m2", "x"))
	w.send(in, items...)
	kept := many[string](w, "SELECT text FROM message_marks WHERE target_external_id = 'm1' AND kind = 'EDIT' ORDER BY created_at, id")
	if len(kept) != 100 || kept[0] != "text 900" || kept[99] != "text 999" {
		t.Errorf("%d edits are stored, from %q on", len(kept), kept[0])
	}
	if n := one[int64](w, "SELECT count(*) FROM message_marks WHERE kind <> 'EDIT'"); n != 2 {
		t.Errorf("of a deletion and a reaction %d are stored", n)
	}
	if sum := h.balanced(); sum.Applied != 104 || sum.Quarantined != 900 {
		t.Errorf("ledger = %+v", sum)
	}
	if n := one[int64](w, "SELECT count(*) FROM webhook_items WHERE item_key LIKE 'edit%' AND raw IS NOT NULL"); n != 1_000 {
		t.Errorf("the bytes of %d edits are kept", n)
	}
}
