package meta

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// held returns how many bytes the items hold as their own.
func held(items []channel.Item) (bytes int) {
	for _, item := range items {
		bytes += len(item.Raw)
	}
	return bytes
}

// joined returns n elements of a list.
func joined(n int, element func(i int) string) string {
	elements := make([]string, n)
	for i := range elements {
		elements[i] = element(i)
	}
	return strings.Join(elements, ",")
}

// What all items of a change hold in common must not make a thousand times its bytes of it. A change that would is kept whole, and
// nothing else suffers. (H26)
func TestItemsHoldLittleMoreThanTheBody(t *testing.T) {
	p, long := provider(t), strings.Repeat("x", 90_000)
	message := func(i int) string {
		return fmt.Sprintf(`{"from":"1","id":"m%d","timestamp":"1","type":"text","text":{"body":"x"}}`, i)
	}
	status := func(i int) string { return fmt.Sprintf(`{"id":"s%d","status":"sent","timestamp":"1"}`, i) }
	for name, value := range map[string]string{
		"metadata":          `"metadata":{"phone_number_id":"7","x":"` + long + `"},"messages":[` + joined(9_000, message) + `]`,
		"metadata, errors":  `"metadata":{"phone_number_id":"7","x":"` + long + `"},"errors":[` + joined(9_000, status) + `]`,
		"metadata, people":  `"metadata":{"phone_number_id":"7","x":"` + long + `"},"contacts":[` + joined(9_000, status) + `]`,
		"metadata, names":   `"metadata":{"phone_number_id":"7","x":"` + long + `"},` + joined(9_000, func(i int) string { return fmt.Sprintf(`"n%d":0`, i) }),
		"a person":          `"metadata":{"phone_number_id":"7"},"contacts":[{"wa_id":"15550100301","x":"` + long + `"}],"statuses":[` + joined(9_000, status) + `]`,
		"too many items":    `"metadata":{"phone_number_id":"7"},"messages":[` + joined(6_000, message) + `],"statuses":[` + joined(6_000, status) + `]`,
		"one is not enough": `"metadata":{"phone_number_id":"7","x":"` + long + `"},"messages":[` + joined(9, message) + `]`,
	} {
		t.Run(name, func(t *testing.T) {
			change := `{"field":"messages","value":{` + value + `}}`
			other := `{"field":"messages","value":{"metadata":{"phone_number_id":"8"},"statuses":[{"id":"o","status":"sent","timestamp":"1"}]}}`
			items := takeApart(t, p, `{"changes":[`+change+`,`+other+`]}`)
			if len(items) != 2 || items[1].Key != "o:sent" || items[1].Event == nil {
				t.Fatalf("%d items, want the change and the other's receipt", len(items))
			}
			if items[0].Reason == "" || items[0].AccountRef != "7" || string(items[0].Raw) != change {
				t.Errorf("%s: %q of %q with %d bytes; want the whole change in quarantine", name, items[0].Reason, items[0].AccountRef, len(items[0].Raw))
			}
			if again := p.Reread(items[0].Raw); len(again) != 1 || string(again[0].Raw) != change || again[0].Reason == "" {
				t.Errorf("read again it becomes %d items", len(again))
			}
		})
	}
}

// An entry's id stands in each notice.
func TestLongEntryIDIsNotRepeated(t *testing.T) {
	entry := `{"id":"` + strings.Repeat("x", 90_000) + `","changes":[` + joined(9_000, func(int) string { return `{"field":"flows"}` }) + `]}`
	items := takeApart(t, provider(t), entry)
	if len(items) != 1 || items[0].Reason == "" || string(items[0].Raw) != entry {
		t.Errorf("%d items, want the whole entry in quarantine", len(items))
	}
}

// A full webhook as Meta sends it, and one of the smallest receipts, are far from the bound.
func TestEarnestWebhooksHaveRoom(t *testing.T) {
	metadata := `"metadata":{"display_phone_number":"15550001111","phone_number_id":"111000111000111"},`
	contacts := `"contacts":[{"profile":{"name":"` + strings.Repeat("名", 100) + `","username":"kim"},"wa_id":"15550100301","user_id":"DE.13491208655302741918"}],`
	for _, lists := range []string{
		`"messages":[` + joined(9_000, func(i int) string {
			return fmt.Sprintf(`{"from":"15550100301","id":"m%d","timestamp":"1","type":"text","text":{"body":""}}`, i)
		}) + `]`,
		`"statuses":[` + joined(9_000, func(i int) string {
			return fmt.Sprintf(`{"id":"s%d","status":"sent","timestamp":"1","recipient_id":"15550100301"}`, i)
		}) + `]`,
	} {
		items := takeApart(t, provider(t), `{"id":"1","changes":[{"field":"messages","value":{`+metadata+contacts+lists+`}}]}`)
		if len(items) < 9_000 || items[0].Event == nil {
			t.Errorf("%d items: %s", len(items), items[0].Reason)
		}
	}
}

// A card or a line of a basket that says nothing is not shown, and takes no memory.
func TestWhatSaysNothingIsNotKept(t *testing.T) {
	empty := func(int) string { return `{}` }
	message := `{"from":"15550100301","id":"m%s","timestamp":"1","type":"%[1]s",%s}`
	cards := fmt.Sprintf(message, "contacts", `"contacts":[`+joined(5_000, empty)+`,{"phones":[{},{"phone":"1"}],"emails":[{}],"urls":[{}]},{"name":{"first_name":"Kim"}}]`)
	basket := fmt.Sprintf(message, "order", `"order":{"product_items":[`+joined(5_000, empty)+`,{"product_retailer_id":"p"}]}`)
	items := takeApart(t, provider(t), `{"changes":[{"field":"messages","value":{"messages":[`+cards+`,`+basket+`]}}]}`)
	if len(items) != 2 || items[0].Reason+items[1].Reason != "" {
		t.Fatalf("%d items: %s", len(items), items[0].Reason)
	}
	shown := items[0].Event.(channel.Inbound).Content.Contacts
	if len(shown) != 2 || len(shown[0].Phones) != 1 || len(shown[0].Emails)+len(shown[0].URLs) != 0 || shown[1].Name != "Kim" {
		t.Errorf("%d cards are shown", len(shown))
	}
	if order := items[1].Event.(channel.Inbound).Content.Order; len(order.Items) != 1 || order.Items[0].ProductID != "p" {
		t.Errorf("%d lines are shown", len(order.Items))
	}
}

// takeApart receives a body with one entry and checks what its items hold.
func takeApart(t *testing.T, p *Provider, entry string) []channel.Item {
	t.Helper()
	body := []byte(`{"object":"whatsapp_business_account","entry":[` + entry + `]}`)
	if !json.Valid(body) {
		t.Fatal("the test's body is no JSON")
	}
	endpoint, request := signed(t, body)
	items, err := p.Receive(t.Context(), endpoint, request)
	if err != nil {
		t.Fatal(err)
	}
	if bytes := held(items); bytes > roomFactor*len(body)+roomItem*len(items) {
		t.Fatalf("%d items of %d bytes hold %d", len(items), len(body), bytes)
	}
	return items
}
