package db

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

var errRolledBack = errors.New("the transaction was rolled back at commit")

// runsWorth returns how often a transaction that failed so may be run in all. One that lost a race against another is worth
// several; a unique violation is a race at first, since every use case looks before it inserts, and a fact when it comes again.
func runsWorth(err error) int {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return 1
	}
	switch pg.Code {
	case "40001", "40P01":
		return 8
	case "23505":
		return 3
	}
	return 1
}

// mapError turns what Postgres said into a fault.Error; errors of the domain pass through unchanged.
func mapError(err error) error {
	if err == nil {
		return nil
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return fault.Wrap(fault.NotFound, err, "there is no such thing")
	case errors.As(err, &pg):
		return mapState(pg)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(fault.Unavailable, err, "the request was given up before the database answered; try again")
	case unreachable(err):
		return fault.Wrap(fault.Unavailable, redact(err), "the database cannot be reached; try again")
	}
	return fault.Wrap(fault.Internal, err, "something went wrong on our side")
}

// mapError is the function of that name, and reports a statement that row security refused.
func (d *DB) mapError(err error) error {
	err = mapError(err)
	var state *StateError
	if d.violated != nil && errors.As(err, &state) && state.Code == "42501" {
		d.violated()
	}
	return err
}

// mapState maps an SQLSTATE. The error's detail, hint and context stay behind: they quote values of rows.
func mapState(pg *pgconn.PgError) error {
	cause := &StateError{Code: pg.Code, Constraint: pg.ConstraintName, text: pg.Message}
	switch class := pg.Code[:2]; {
	case pg.Code == "23505":
		return fault.Wrap(fault.Conflict, cause, "something with the same name exists already")
	case class == "22", class == "23":
		return fault.Wrap(fault.Invalid, cause, "a value cannot be stored")
	case pg.Code == "40001", pg.Code == "40P01", pg.Code == "55P03", pg.Code == "57014",
		class == "08", class == "53", class == "57", class == "58", pg.Code == "25006":
		return fault.Wrap(fault.Unavailable, cause, "the database is busy or restarting; try again")
	}
	return fault.Wrap(fault.Internal, cause, "something went wrong on our side")
}

// StateError is the part of a Postgres error that may be kept: its SQLSTATE, the constraint it names, and the primary message.
type StateError struct {
	Code       string
	Constraint string
	text       string
}

// Error returns the SQLSTATE and the primary message.
func (e *StateError) Error() string { return fmt.Sprintf("SQLSTATE %s: %s", e.Code, e.text) }

func unreachable(err error) bool {
	var op net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &op) || errors.As(err, &connect) || pgconn.SafeToRetry(err) ||
		strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "unexpected EOF") ||
		errors.Is(err, errRolledBack)
}

// redact keeps a connection error's words without its connection string, which may hold a password.
func redact(err error) error {
	text := err.Error()
	if i := strings.Index(text, "`"); i >= 0 {
		if j := strings.LastIndex(text, "`"); j > i {
			text = text[:i] + "…" + text[j+1:]
		}
	}
	return errors.New(text)
}
