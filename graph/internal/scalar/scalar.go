// Package scalar reads and writes the API's own scalars: ids, times and cursors. What it cannot read becomes an Invalid error that
// names the remedy; the error presenter adds the field.
//
// Imports: inbox, fault.
package scalar

import (
	"bytes"
	"encoding/hex"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// timeLayout always shows microseconds, as Postgres keeps them, so that equal times are equal texts.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// maxCursorLength is far above what the server makes; a longer text is no cursor.
const maxCursorLength = 200

// MarshalID writes an id.
func MarshalID(id uuid.UUID) graphql.Marshaler { return graphql.MarshalString(id.String()) }

// UnmarshalID reads an id. It returns an Invalid error for anything but a UUID in its canonical form.
func UnmarshalID(v any) (uuid.UUID, error) {
	text, ok := v.(string)
	if !ok || len(text) != 36 {
		return uuid.Nil, fault.BadField("", "an id is a UUID; send one exactly as the server gave it")
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, fault.BadField("", "an id is a UUID; send one exactly as the server gave it")
	}
	return id, nil
}

// MarshalTenantID writes a tenant's id.
func MarshalTenantID(id inbox.TenantID) graphql.Marshaler { return graphql.MarshalString(id.String()) }

// UnmarshalTenantID always returns a Forbidden error: a tenant comes from credentials, never from an argument.
func UnmarshalTenantID(any) (inbox.TenantID, error) {
	return inbox.TenantID{}, fault.New(fault.Forbidden, "a tenant cannot be named by an argument")
}

// MarshalString writes a text.
func MarshalString(text string) graphql.Marshaler { return graphql.MarshalString(text) }

// UnmarshalString reads a text. It returns an Invalid error for anything but a text and for a NUL, which Postgres cannot keep.
func UnmarshalString(v any) (string, error) {
	text, ok := v.(string)
	if !ok {
		return "", fault.BadField("", "a text is expected here")
	}
	if strings.ContainsRune(text, 0) {
		return "", fault.BadField("", "a text must not contain the character NUL")
	}
	return text, nil
}

// AppendID appends an id as MarshalID writes it.
func AppendID(text []byte, id uuid.UUID) []byte {
	var form [36]byte
	hex.Encode(form[:], id[:4])
	form[8], form[13], form[18], form[23] = '-', '-', '-', '-'
	hex.Encode(form[9:], id[4:6])
	hex.Encode(form[14:], id[6:8])
	hex.Encode(form[19:], id[8:10])
	hex.Encode(form[24:], id[10:])
	return append(append(append(text, '"'), form[:]...), '"')
}

// AppendTime appends a time as MarshalTime writes it.
func AppendTime(text []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(text, '"'), timeLayout), '"')
}

// AppendString appends a text as MarshalString writes it.
func AppendString(text []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '"' || s[i] == '\\' { // rare enough to be left to those who know how
			written := bytes.NewBuffer(text)
			graphql.MarshalString(s).MarshalGQL(written)
			return written.Bytes()
		}
	}
	return append(append(append(text, '"'), s...), '"')
}

// MarshalTime writes a time in UTC with microseconds.
func MarshalTime(t time.Time) graphql.Marshaler {
	return graphql.MarshalString(t.UTC().Format(timeLayout))
}

// UnmarshalTime reads an RFC 3339 time. It returns an Invalid error for any other text and for years outside 1 to 9999.
func UnmarshalTime(v any) (time.Time, error) {
	text, ok := v.(string)
	if !ok || len(text) > 40 {
		return time.Time{}, fault.BadField("", "a time is an RFC 3339 text such as 2026-11-21T08:30:00Z")
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return time.Time{}, fault.BadField("", "a time is an RFC 3339 text such as 2026-11-21T08:30:00Z")
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

// MarshalCursor writes a cursor.
func MarshalCursor(cursor string) graphql.Marshaler { return graphql.MarshalString(cursor) }

// UnmarshalCursor reads a cursor. A text that no cursor can be is passed on shortened, because a cursor that cannot be read is
// answered with Resync and never with an error.
func UnmarshalCursor(v any) (string, error) {
	text, ok := v.(string)
	if !ok {
		return "", fault.BadField("", "a cursor is a text that the server gave; send it back unchanged")
	}
	if len(text) > maxCursorLength {
		text = text[:maxCursorLength]
	}
	return text, nil
}
