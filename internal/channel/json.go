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

// JSON is a value from outside that is valid JSON, as it was written: ReadJSON has found it so, or it stands in one that is. That is looked at once
// and not again at every level. The zero value is none at all.
type JSON []byte

// ReadJSON returns data as JSON, which shares its memory. It returns an error wrapping ErrMalformed when data is not exactly one JSON value.
func ReadJSON(data []byte) (JSON, error) {
	if !json.Valid(data) {
		return nil, fmt.Errorf("%w: not JSON", ErrMalformed)
	}
	return data, nil
}

// Member is one name and value of a JSON object.
type Member struct {
	Name  string
	Value JSON
}

// Members returns the members of a JSON object in their order. It returns an error wrapping ErrMalformed when the value is not an
// object, when it has more than 10,000 names, or when two names are equal or differ in case only: a lenient reader downstream would
// pick either of them. It does not look into the values, so that a bad value is the affair of whoever reads it. The values share
// the object's memory.
func (j JSON) Members() ([]Member, error) {
	s, ok := j.enter('{')
	if !ok {
		return nil, fmt.Errorf("%w: not a JSON object", ErrMalformed)
	}
	members := make([]Member, 0, 4)
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

// Member returns the value of the name in a JSON object, the first if it comes twice; none when the object has none, or when it is no object. It
// takes nothing apart: the value shares the object's memory.
func (j JSON) Member(name string) JSON {
	s, ok := j.enter('{')
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

// Elements returns the elements of a JSON array. It returns an error wrapping ErrMalformed when the value is not an array, or has
// more than 10,000 elements. The elements share the array's memory.
func (j JSON) Elements() ([]JSON, error) {
	s, ok := j.enter('[')
	if !ok {
		return nil, fmt.Errorf("%w: not a list", ErrMalformed)
	}
	var elements []JSON
	for s.next() != ']' {
		if len(elements) == maxValues {
			return nil, tooMany()
		}
		elements = append(elements, s.skip())
	}
	return elements, nil
}

// Text returns what a string says, cleaned as Clean does it, or a number as it was written; "" for anything else.
func (j JSON) Text() string {
	if len(j) == 0 {
		return ""
	}
	s := &scanner{data: j}
	switch c := s.next(); {
	case c == '"':
		quoted := s.text()
		if plain := quoted[1 : len(quoted)-1]; isPlain(plain) {
			return string(plain)
		}
		var text string
		_ = json.Unmarshal(JSON(quoted).Clean(), &text) // a valid string always decodes
		return text
	case c == '-', '0' <= c && c <= '9':
		return string(s.skip())
	}
	return ""
}

// enter returns a scanner behind the opening bracket, when the value begins with it.
func (j JSON) enter(open byte) (*scanner, bool) {
	s := &scanner{data: j}
	if len(j) == 0 || s.next() != open {
		return nil, false
	}
	s.pos++
	return s, true
}

// Decode reads the value into v. Before that it refuses what Check does. NUL characters, lone surrogates and invalid UTF-8 become U+FFFD, since no
// database takes them. Numbers in untyped places stay json.Number. Every error wraps ErrMalformed.
func (j JSON) Decode(v any) error {
	if err := j.Check(); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(j.Clean()))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %s", ErrMalformed, typeMismatch(err))
	}
	return nil
}

// Check returns nil when the value is nested at most 32 deep, holds at most 10,000 values and repeats no name within an object, not even in another
// case. Every error wraps ErrMalformed.
func (j JSON) Check() error {
	if len(j) == 0 {
		return fmt.Errorf("%w: not JSON", ErrMalformed)
	}
	return (&scanner{data: j}).check(0)
}

// Clean returns the value with every NUL character, lone surrogate and invalid UTF-8 sequence inside it replaced by U+FFFD. It returns
// the value itself when there is none, and does not change what is not text.
func (j JSON) Clean() JSON {
	clean := []byte(j)
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

// DecodeJSON reads one JSON value from outside into v, as ReadJSON and Decode do.
func DecodeJSON(data []byte, v any) error {
	value, err := ReadJSON(data)
	if err != nil {
		return err
	}
	return value.Decode(v)
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
