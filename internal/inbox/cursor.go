package inbox

import (
	"encoding/base64"
	"encoding/binary"
)

// Cursor is a place in the stream of a tenant's changes: after the event Seq of the numbering Epoch.
type Cursor struct {
	Epoch string // as Recorder.Head returns it; another one in every tenant and after a restore from a backup
	Seq   int64
}

// epochLength is the length of every Epoch.
const epochLength = 8

// String returns the text that clients store and send back.
func (c Cursor) String() string {
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint([]byte(c.Epoch), uint64(c.Seq)))
}

// ParseCursor returns the Cursor that String wrote; ok is false for any other text. Whether it belongs to the tenant is for the
// reader to check, by its Epoch.
func ParseCursor(text string) (cursor Cursor, ok bool) {
	if len(text) > 64 {
		return Cursor{}, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) <= epochLength {
		return Cursor{}, false
	}
	seq, n := binary.Uvarint(raw[epochLength:])
	if n != len(raw)-epochLength || seq > 1<<62 {
		return Cursor{}, false
	}
	cursor = Cursor{Epoch: string(raw[:epochLength]), Seq: int64(seq)}
	return cursor, cursor.String() == text // one spelling only
}
