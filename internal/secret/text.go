package secret

import (
	"fmt"
	"log/slog"
)

const hidden = "[hidden]"

// Text is a secret string. However it is printed, logged or marshalled, it shows as [hidden]; Reveal is the only way to its value.
type Text struct{ value string }

// NewText returns a Text that hides value.
func NewText(value string) Text { return Text{value: value} }

// Reveal returns the value. Call it where the secret is used, not where it is passed on.
func (t Text) Reveal() string { return t.value }

// IsZero reports whether there is no value.
func (t Text) IsZero() bool { return t.value == "" }

// UnmarshalText takes the value, so that configuration readers can fill a Text. It never fails.
func (t *Text) UnmarshalText(text []byte) error {
	t.value = string(text)
	return nil
}

// String hides the value.
func (Text) String() string { return hidden }

// GoString hides the value.
func (Text) GoString() string { return hidden }

// Format hides the value under every verb.
func (Text) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(hidden)) }

// MarshalText hides the value.
func (Text) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON hides the value.
func (Text) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// LogValue hides the value.
func (Text) LogValue() slog.Value { return slog.StringValue(hidden) }
