package db

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// What is over when the database has room, connections or time again is worth another try; what a value or a statement is to blame for is not.
func TestStatesAreMapped(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]fault.Code{
		"40001": fault.Unavailable, "55P03": fault.Unavailable, "57P03": fault.Unavailable, "25006": fault.Unavailable, "08006": fault.Unavailable,
		"53100": fault.Unavailable, // disk full
		"58030": fault.Unavailable, // a file cannot be written
		"23505": fault.Conflict, "22021": fault.Invalid, "23514": fault.Invalid, "42501": fault.Internal, "42703": fault.Internal,
	} {
		if err := mapError(&pgconn.PgError{Code: state}); !fault.Is(err, want) {
			t.Errorf("%s: %v, want %v", state, err, want)
		}
	}
}
