package meta

import (
	"bytes"
	"encoding/json"
)

// stream lets each read the elements of the list raw one after the other, until it wants no more. A list costs what one element costs: {} is three
// bytes of a webhook and may be hundreds in memory, and a body has room for a million. null is an empty list. It returns each's error, and an
// UnmarshalTypeError for what is no list.
func stream(raw []byte, each func(*json.Decoder) (more bool, err error)) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return json.Unmarshal(raw, new([]struct{})) // nil for null
	}
	for d.More() {
		if more, err := each(d); err != nil || !more {
			return err
		}
	}
	return nil
}

// firstError is the first of a list of errors: it tells what happened, and nobody reads the others.
type firstError struct {
	graphError
	there bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *firstError) UnmarshalJSON(raw []byte) error {
	return stream(raw, func(d *json.Decoder) (more bool, err error) {
		f.there = true
		return false, d.Decode(&f.graphError)
	})
}
