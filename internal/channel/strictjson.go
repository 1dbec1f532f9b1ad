package channel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep JSON from outside may be nested.
const maxDepth = 32

// Member is one name and value of a JSON object, the value as it was written.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Members returns the members of the JSON object data in their order. It returns an error wrapping ErrMalformed when data is not an
// object, or when two names are equal or differ in case only: a lenient reader downstream would pick either of them. It does
// not look into the values, so that a bad value is the affair of whoever reads it.
func Members(data []byte) ([]Member, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%w: not a JSON object", ErrMalformed)
	}
	var members []Member
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: not JSON", ErrMalformed)
		}
		m := Member{Name: t.(string)} // inside an object, before a value, Token returns nothing but names
		if err := d.Decode(&m.Value); err != nil {
			return nil, fmt.Errorf("%w: not JSON", ErrMalformed)
		}
		if name := fold(m.Name); seen[name] {
			return nil, fmt.Errorf("%w: the name %s comes twice", ErrMalformed, quoteName(m.Name))
		} else {
			seen[name] = true
		}
		members = append(members, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("%w: not JSON", ErrMalformed)
	}
	return members, nil
}

// DecodeJSON reads one JSON value from outside into v. Before that it refuses nesting deeper than 32 and names that are equal or
// differ in case only, at any level; NUL characters, lone surrogates and invalid UTF-8 become U+FFFD, since no database takes
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

// CheckJSON returns nil when data is exactly one JSON value that is nested at most 32 deep and repeats no name within an object, not
// even in another case. Every error wraps ErrMalformed.
func CheckJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := checkValue(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%w: more than one JSON value", ErrMalformed)
	}
	return nil
}

func checkValue(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return fmt.Errorf("%w: not JSON", ErrMalformed)
	}
	open, nested := t.(json.Delim)
	if !nested {
		return nil
	}
	if depth == maxDepth {
		return fmt.Errorf("%w: nested deeper than %d", ErrMalformed, maxDepth)
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			if err := checkName(d, seen); err != nil {
				return err
			}
		}
		if err := checkValue(d, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("%w: not JSON", ErrMalformed)
	}
	return nil
}

func checkName(d *json.Decoder, seen map[string]bool) error {
	t, err := d.Token()
	if err != nil {
		return fmt.Errorf("%w: not JSON", ErrMalformed)
	}
	name, _ := t.(string)
	if seen[fold(name)] {
		return fmt.Errorf("%w: the name %s comes twice", ErrMalformed, quoteName(name))
	}
	seen[fold(name)] = true
	return nil
}

// fold maps names that encoding/json would take for each other to one form.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, name)
}

// quoteName shows a name from outside, short and on one line.
func quoteName(name string) string {
	if r := []rune(name); len(r) > 40 {
		name = string(r[:40]) + "…"
	}
	return strconv.QuoteToGraphic(name)
}

// typeMismatch tells which field has the wrong type, without quoting its value.
func typeMismatch(err error) string {
	if e, ok := err.(*json.UnmarshalTypeError); ok && e.Field != "" {
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
