package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// rewrapPage is how many values one transaction of a rewrap takes.
const rewrapPage = 100

// SealedTable names the table that a sealed value stands in; each has one such column.
type SealedTable string

// The tables with sealed values, in the order in which a rewrap takes them.
const (
	SealedCredentials  SealedTable = "channel_accounts"
	SealedSuccessors   SealedTable = "refresh_tokens"
	SealedAlertSecrets SealedTable = "tenants"
)

// SealedValue is a sealed value and where it stands.
type SealedValue struct {
	Table  SealedTable
	Row    uuid.UUID
	Sealed []byte
}

// place returns where the value is sealed to.
func (v SealedValue) place(tenant TenantID) secret.Place {
	column := map[SealedTable]string{SealedCredentials: "credentials", SealedSuccessors: "successor", SealedAlertSecrets: "alert_secret_sealed"}[v.Table]
	return secret.Place{Tenant: tenant.String(), Table: string(v.Table), Row: v.Row.String(), Column: column}
}

// Rewrapped counts what a rewrap did.
type Rewrapped struct {
	Resealed   int
	Unreadable int // no key at hand opens them; they stay as they are
}

// Rewrap seals every sealed value of the tenant anew that is not under the current key. It works in small transactions beside the running
// product, writes a value only while it is still what was read, and when it is stopped the next call goes on where it was: what is under
// the current key is not looked at again. It returns Invalid without keys.
func (o *Operator) Rewrap(ctx context.Context, tenant TenantID) (done Rewrapped, err error) {
	if o.tools.Ring == nil {
		return done, fault.BadField("keys", "sealing anew needs the keys: set SWITCHBOARD_KEKS, the new key first")
	}
	var after SealedValue
	for {
		var page Rewrapped
		var last *SealedValue
		err := o.store.InTenant(ctx, tenant, func(tx OperatorTx) error {
			page, last = Rewrapped{}, nil
			found, err := tx.SealedValues(ctx, o.tools.Ring.Current(), after, rewrapPage)
			if err != nil || len(found) == 0 {
				return err
			}
			last = &found[len(found)-1]
			if page, err = o.reseal(ctx, tx, tenant, found); err != nil || page.Resealed == 0 {
				return err
			}
			return tx.Audit(ctx, AuditEntry{
				At: o.clock().UTC().Truncate(time.Microsecond), ActorKind: ActorOperator, Action: "secrets.rewrapped", SubjectKind: "tenant",
				SubjectID: new(tenant.UUID()), Details: map[string]any{"key": o.tools.Ring.Current(), "values": page.Resealed},
			})
		})
		if err != nil || last == nil {
			return done, err
		}
		done.Resealed += page.Resealed
		done.Unreadable += page.Unreadable
		after = *last
	}
}

// reseal seals the values under the current key. One that was changed meanwhile was sealed under the current key by that.
func (o *Operator) reseal(ctx context.Context, tx OperatorTx, tenant TenantID, values []SealedValue) (done Rewrapped, err error) {
	for _, v := range values {
		plain, err := o.tools.Ring.Open(v.Sealed, v.place(tenant))
		if err != nil {
			done.Unreadable++
			continue
		}
		replaced, err := tx.ReplaceSealed(ctx, v, o.tools.Ring.Seal(plain, v.place(tenant)))
		if err != nil {
			return done, err
		}
		if replaced {
			done.Resealed++
		}
		if err := faultpoint.Point("rot.rewrap"); err != nil {
			return done, err
		}
	}
	return done, nil
}
