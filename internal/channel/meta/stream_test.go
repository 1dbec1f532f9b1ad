package meta

import (
	"fmt"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// Lists that are read element by element are refused where they are wrong, in the words for it.
func TestWrongListsAreNamed(t *testing.T) {
	for member, want := range map[string]string{
		`"contacts":{}`:     "message: contacts has the wrong type",
		`"contacts":7`:      "message: contacts has the wrong type",
		`"contacts":[{},7]`: "message: contacts has the wrong type",
		`"contacts":[{"name":{"formatted_name":1}}]`:    "message: contacts.name.formatted_name has the wrong type",
		`"contacts":[{},{"phones":[{"phone":5}]}]`:      "message: contacts.phones.phone has the wrong type",
		`"contacts":[{"phones":{}}]`:                    "message: contacts.phones has the wrong type",
		`"text":{}`:                                     "message: contacts is missing",
		`"contacts":null`:                               "",
		`"contacts":[]`:                                 "",
		`"contacts":[null,{"phones":null,"emails":[]}]`: "",
	} {
		items := ofType(t, "contacts", member)
		if len(items) != 1 || items[0].Reason != want {
			t.Errorf("%s: %q, want %q", member, items[0].Reason, want)
		}
	}
	for member, want := range map[string]string{
		`"order":{"product_items":{}}`:                        "message: order.product_items has the wrong type",
		`"order":{"product_items":[{"currency":1}]}`:          "message: order.product_items.currency has the wrong type",
		`"order":{"product_items":[{},{"quantity":"many"}]}`:  "message: order has the wrong type",
		`"order":{"product_items":null}`:                      "",
		`"order":{}`:                                          "",
		`"order":{"product_items":[{"quantity":2},{"a":{}}]}`: "",
	} {
		items := ofType(t, "order", member)
		if len(items) != 1 || items[0].Reason != want {
			t.Errorf("%s: %q, want %q", member, items[0].Reason, want)
			continue
		}
		if event, ok := items[0].Event.(channel.Inbound); ok && event.Content.Order.Items == nil {
			t.Errorf("%s: the basket is nil, and not empty", member)
		}
	}
	for errors, want := range map[string]string{
		`{}`: "status: errors has the wrong type", `[7]`: "status: errors has the wrong type", `[{"code":"x"}]`: "status: errors.code has the wrong type",
		`null`: "", `[]`: "", `[null]`: "", `[{"code":131026}]`: "",
	} {
		status := `{"id":"s","status":"failed","timestamp":"1","errors":` + errors + `}`
		items := takeApart(t, provider(t), `{"changes":[{"field":"messages","value":{"statuses":[`+status+`]}}]}`)
		if len(items) != 1 || items[0].Reason != want {
			t.Errorf("%s: %q, want %q", errors, items[0].Reason, want)
		}
	}
}

// Of each kind so many entries of a card are read as are shown; the message's bytes hold them all.
func TestCardsAreReadAsFarAsTheyAreShown(t *testing.T) {
	phones := joined(30, func(i int) string { return fmt.Sprintf(`{"phone":"%d"}`, i) })
	items := ofType(t, "contacts", `"contacts":[{"phones":[`+phones+`]},{"emails":[{"email":"a@b.example"}]}]`)
	cards := items[0].Event.(channel.Inbound).Content.Contacts
	if len(cards) != 2 || len(cards[0].Phones) != cardEntries || cards[0].Phones[cardEntries-1] != "19" || len(cards[1].Phones) != 0 || len(cards[1].Emails) != 1 {
		t.Errorf("shown: %+v", cards)
	}
}

// ofType receives one message of the type with the member.
func ofType(t *testing.T, kind, member string) []channel.Item {
	t.Helper()
	message := `{"from":"15550100301","id":"m","timestamp":"1","type":"` + kind + `",` + member + `}`
	return takeApart(t, provider(t), `{"changes":[{"field":"messages","value":{"messages":[`+message+`]}}]}`)
}
