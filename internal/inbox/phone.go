package inbox

import (
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// maxPhone is longer than any way of writing a number, so that the library never reads a novel.
const maxPhone = 64

// NormalizePhone returns the E.164 form of an international number however it is spelt: with or without "+" or "00", with spaces,
// dots, dashes or brackets. It returns an Invalid error for anything that cannot be such a number.
func NormalizePhone(written string) (string, error) {
	digits := strings.TrimSpace(written)
	if !strings.HasPrefix(digits, "+") {
		digits = "+" + strings.TrimPrefix(digits, "00")
	}
	// Until nothing changes: a number whose form is another number again would be two people, one now and one when it comes back.
	for tries := 0; tries < 8 && len(written) <= maxPhone; tries++ {
		number, err := phonenumbers.Parse(digits, "ZZ")
		if err != nil || !phonenumbers.IsPossibleNumber(number) {
			break
		}
		form := phonenumbers.Format(number, phonenumbers.E164)
		if form == digits {
			return form, nil
		}
		digits = form
	}
	return "", fault.BadField("phone", "a phone number is written with its country code, for example +4915123456789")
}

// senderPhone returns the one form under which a sender is known. A number that no plan contains is kept as its digits: a provider
// vouches for it, and a customer must not be lost over it.
func senderPhone(given string) string {
	if given == "" {
		return ""
	}
	if phone, err := NormalizePhone(given); err == nil {
		return phone
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, given)
	if digits == "" {
		return ""
	}
	return "+" + digits
}

// phonesMost bounds how many numbers a phoneBook remembers.
const phonesMost = 10_000

// phoneBook remembers the forms of the numbers that wrote lately: to find one takes longer than all else that this process does about a message.
type phoneBook struct {
	mu    sync.Mutex
	forms map[string]string
}

// form is senderPhone.
func (b *phoneBook) form(given string) string {
	if given == "" || len(given) > maxPhone {
		return senderPhone(given)
	}
	b.mu.Lock()
	form, known := b.forms[given]
	b.mu.Unlock()
	if known {
		return form
	}
	form = senderPhone(given)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.forms == nil || len(b.forms) >= phonesMost {
		b.forms = map[string]string{}
	}
	b.forms[given] = form
	return form
}
