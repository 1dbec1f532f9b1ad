package db

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// Ids and pointers to them are written as they are, and not by way of their text.
func TestIDsTravelInBinary(t *testing.T) {
	t.Parallel()
	m := pgtype.NewMap()
	teachUUID(m)
	id := uuid.MustParse("01234567-89ab-7def-8123-456789abcdef")
	for _, value := range []any{id, &id} {
		switch plan := m.PlanEncode(pgtype.UUIDOID, pgtype.BinaryFormatCode, value).(type) {
		case *encodeUUID, *encodeUUIDPointer:
			if got, err := plan.Encode(value, nil); err != nil || !bytes.Equal(got, id[:]) {
				t.Errorf("%T is written as %x, %v", value, got, err)
			}
		default:
			t.Errorf("%T is written by %T", value, plan)
		}
	}
	got, err := m.Encode(pgtype.UUIDArrayOID, pgtype.BinaryFormatCode, []*uuid.UUID{&id, nil}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var back []*uuid.UUID
	if err := m.Scan(pgtype.UUIDArrayOID, pgtype.BinaryFormatCode, got, &back); err != nil || len(back) != 2 || *back[0] != id || back[1] != nil {
		t.Errorf("an array with NULL came back as %v, %v", back, err)
	}
}
