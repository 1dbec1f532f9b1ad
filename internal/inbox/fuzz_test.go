package inbox

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

// FuzzPlace looks for a place of a list that panics, that has two spellings, or that another list takes.
func FuzzPlace(f *testing.F) {
	acme, other := TenantOf(uuid.Must(uuid.Parse("018f0000-0000-7000-8000-000000000001"))), TenantOf(uuid.Must(uuid.Parse("018f0000-0000-7000-8000-000000000002")))
	talk := uuid.Must(uuid.Parse("018f0000-0000-7000-8000-000000000003"))
	list, messages := conversationList(acme, ConversationFilter{}), messageList(acme, talk)
	f.Add(list.place(ListPlace{ID: talk}))
	f.Add(messages.place(7))
	f.Add(messages.place(-1))
	f.Add("🦊")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if place, err := list.parse(text); err == nil && list.place(place) != text {
			t.Fatalf("%q is another spelling of %v", text, place)
		}
		seq, err := messages.parse("after", text)
		if err == nil && messages.place(seq) != text {
			t.Fatalf("%q is another spelling of %d", text, seq)
		}
		if _, foreign := messageList(other, talk).parse("after", text); err == nil && foreign == nil {
			t.Fatalf("%q is a place of two tenants", text)
		}
	})
}

// FuzzPhone looks for a phone number that panics, that is stored in a form which is not E.164, or whose stored form is taken for
// another number when it comes back.
func FuzzPhone(f *testing.F) {
	for _, seed := range []string{"+49 151 23456789", "0049(151)234-56789", "4915123456789", "+1 (202) 555-0100 ext. 7", "tel:+49-151;phone-context=+49", "+٤٩١٥١", "+", "", "++49", "+800 1234 5678"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, written string) {
		known := senderPhone(written)
		if known != "" && (known[0] != '+' || strings.Trim(known[1:], "0123456789") != "") {
			t.Fatalf("%q is stored as %q", written, known)
		}
		phone, err := NormalizePhone(written)
		if err != nil {
			return
		}
		if phone != known || len(phone) < 3 || len(phone) > 20 {
			t.Fatalf("%q is %q for us and %q for a provider", written, phone, known)
		}
		if again, err := NormalizePhone(phone); err != nil || again != phone {
			t.Fatalf("%q became %q, which becomes %q, %v", written, phone, again, err)
		}
	})
}
