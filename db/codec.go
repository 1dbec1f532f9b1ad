package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// furnish prepares a new connection: it binds the session to row security and teaches it our type of ids.
func furnish(ctx context.Context, conn *pgx.Conn) error {
	teachUUID(conn.TypeMap())
	return becomeApp(ctx, conn)
}

// teachUUID lets ids travel in binary. Left alone, pgx takes uuid.UUID for a driver.Valuer and writes and parses every one as text, which
// is a quarter of what ingest computes.
func teachUUID(m *pgtype.Map) {
	m.TryWrapEncodePlanFuncs = append([]pgtype.TryWrapEncodePlanFunc{
		func(value any) (pgtype.WrappedEncodePlanNextSetter, any, bool) {
			switch id := value.(type) {
			case uuid.UUID:
				return &encodeUUID{}, binaryUUID(id), true
			case *uuid.UUID: // of a column that may be NULL; nil never comes here
				return &encodeUUIDPointer{}, (*binaryUUID)(id), true
			}
			return nil, nil, false
		},
	}, m.TryWrapEncodePlanFuncs...)
	m.TryWrapScanPlanFuncs = append([]pgtype.TryWrapScanPlanFunc{
		func(target any) (pgtype.WrappedScanPlanNextSetter, any, bool) {
			if id, ok := target.(*uuid.UUID); ok {
				return &scanUUID{}, (*binaryUUID)(id), true
			}
			return nil, nil, false
		},
	}, m.TryWrapScanPlanFuncs...)
}

// binaryUUID is an id as pgtype wants to see it.
type binaryUUID uuid.UUID

// UUIDValue implements pgtype.UUIDValuer.
func (id binaryUUID) UUIDValue() (pgtype.UUID, error) {
	return pgtype.UUID{Bytes: id, Valid: true}, nil
}

// ScanUUID implements pgtype.UUIDScanner. NULL leaves the zero id, as scanning into uuid.UUID always did.
func (id *binaryUUID) ScanUUID(v pgtype.UUID) error {
	*id = binaryUUID(v.Bytes)
	return nil
}

type encodeUUID struct{ next pgtype.EncodePlan }

// SetNext implements pgtype.WrappedEncodePlanNextSetter.
func (p *encodeUUID) SetNext(next pgtype.EncodePlan) { p.next = next }

// Encode implements pgtype.EncodePlan.
func (p *encodeUUID) Encode(value any, buf []byte) ([]byte, error) {
	return p.next.Encode(binaryUUID(value.(uuid.UUID)), buf)
}

type encodeUUIDPointer struct{ next pgtype.EncodePlan }

// SetNext implements pgtype.WrappedEncodePlanNextSetter.
func (p *encodeUUIDPointer) SetNext(next pgtype.EncodePlan) { p.next = next }

// Encode implements pgtype.EncodePlan.
func (p *encodeUUIDPointer) Encode(value any, buf []byte) ([]byte, error) {
	return p.next.Encode((*binaryUUID)(value.(*uuid.UUID)), buf)
}

type scanUUID struct{ next pgtype.ScanPlan }

// SetNext implements pgtype.WrappedScanPlanNextSetter.
func (p *scanUUID) SetNext(next pgtype.ScanPlan) { p.next = next }

// Scan implements pgtype.ScanPlan.
func (p *scanUUID) Scan(src []byte, target any) error {
	return p.next.Scan(src, (*binaryUUID)(target.(*uuid.UUID)))
}
