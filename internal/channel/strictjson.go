package channel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON from outside is bounded in shape: a few bytes of it can cost many times their size in memory once they are taken apart.
const (
	maxDepth  = 32     // how deep it may be nested
	maxValues = 10_000 // how many values one that is read whole may hold, and how many one level of another
)

// Member is one name and value of a JSON object, the value as it was written.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Members returns the members of the JSON object data in their order. It returns an error wrapping ErrMalformed when data is not an
// object, when it has more than 10,000 names, or when two names are equal or differ in case only: a lenient reader downstream would
// pick either of them. It does not look into the values, so that a bad value is the affair of whoever reads it. The values share
// data's memory.
func Members(data []byte) ([]Member, error) {
	s, ok := enter(data, '{')
	if !ok {
		return nil, fmt.Errorf("%w: not a JSON object", ErrMalformed)
	}
	var members []Member
	var names nameSet
	for s.next() != '}' {
		name := s.name()
		if !names.add(name) {
			return nil, repeated(name)
		}
		if len(members) == maxValues {
			return nil, tooMany()
		}
		members = append(members, Member{Name: string(name), Value: s.skip()})
	}
	return members, nil
}

// MemberOf returns the value of the name in the JSON object data, which CheckJSON has accepted; nil when it has none, or is no object. It takes
// nothing apart: the value shares data's memory.
func MemberOf(data []byte, name string) json.RawMessage {
	s, ok := enter(data, '{')
	if !ok {
		return nil
	}
	for s.next() != '}' {
		found := string(s.name()) == name
		if value := s.skip(); found {
			return value
		}
	}
	return nil
}

// Elements returns the elements of the JSON array data. It returns an error wrapping ErrMalformed when data is not an array, or has
// more than 10,000 elements. The elements share data's memory.
func Elements(data []byte) ([]json.RawMessage, error) {
	s, ok := enter(data, '[')
	if !ok {
		return nil, fmt.Errorf("%w: not a list", ErrMalformed)
	}
	var elements []json.RawMessage
	for s.next() != ']' {
		if len(elements) == maxValues {
			return nil, tooMany()
		}
		elements = append(elements, s.skip())
	}
	return elements, nil
}

// enter returns a scanner behind the opening bracket of data, when data is JSON that begins with it.
func enter(data []byte, open byte) (*scanner, bool) {
	if !json.Valid(data) {
		return nil, false
	}
	s := &scanner{data: data}
	if s.next() != open {
		return nil, false
	}
	s.pos++
	return s, true
}

// DecodeJSON reads one JSON value from outside into v. Before that it refuses nesting deeper than 32, more than 10,000 values and names
// that are equal or differ in case only, at any level; NUL characters, lone surrogates and invalid UTF-8 become U+FFFD, since no database takes
// them. Numbers in untyped places stay json.Number. Every error wraps ErrMalformed.
func DecodeJSON(data []byte, v any) error {
	if err := CheckJSON(data); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(CleanJSON(data)))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %s", ErrMalformed, typeMismatch(err))
	}
	return nil
}

// CheckJSON returns nil when data is exactly one JSON value that is nested at most 32 deep, holds at most 10,000 values and repeats no
// name within an object, not even in another case. Every error wraps ErrMalformed.
func CheckJSON(data []byte) error {
	if !json.Valid(data) {
		return fmt.Errorf("%w: not JSON", ErrMalformed)
	}
	return (&scanner{data: data}).check(0)
}

func tooMany() error { return fmt.Errorf("%w: more than %d values", ErrMalformed, maxValues) }

// quoteName shows a name from outside, short and on one line.
func quoteName(name string) string {
	if r := []rune(name); len(r) > 40 {
		name = string(r[:40]) + "…"
	}
	return strconv.QuoteToGraphic(name)
}

// typeMismatch tells which field has the wrong type, without quoting its value.
func typeMismatch(err error) string {
	var e *json.UnmarshalTypeError
	if errors.As(err, &e) && e.Field != "" {
		return e.Field + " has the wrong type"
	}
	return "a value has the wrong type"
}

// CleanJSON returns data with every NUL character, lone surrogate and invalid UTF-8 sequence inside it replaced by U+FFFD. It returns
// data itself when there is none, and does not change what is not text.
func CleanJSON(data []byte) []byte {
	clean := data
	if !utf8.Valid(clean) {
		clean = bytes.ToValidUTF8(clean, []byte("\uFFFD"))
	}
	if !bytes.Contains(clean, []byte(`\u`)) {
		return clean
	}
	out := make([]byte, 0, len(clean))
	for i := 0; i < len(clean); {
		n, ok := escapeAt(clean[i:])
		if ok {
			out = append(out, clean[i:i+n]...)
		} else {
			out = append(out, `\ufffd`...)
		}
		i += n
	}
	return out
}

// escapeAt returns the length of the character or escape at the start of b, and whether it may stay.
func escapeAt(b []byte) (length int, ok bool) {
	if b[0] != '\\' || len(b) < 2 {
		return 1, true
	}
	if b[1] != 'u' {
		return 2, true
	}
	first, isHex := hex4(b)
	switch {
	case !isHex:
		return 2, true // not JSON; the decoder will say so
	case first == 0:
		return 6, false
	case !utf16.IsSurrogate(first):
		return 6, true
	}
	if second, isHex := hex4(b[6:]); isHex && utf16.DecodeRune(first, second) != unicode.ReplacementChar {
		return 12, true
	}
	return 6, false
}

// hex4 reads the \uXXXX at the start of b.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}
