package inbox

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// RevokeAPIKey ends a key for good: its subscriptions end, and whoever holds it is refused within 5 seconds, in every process. It returns
// NotFound for an unknown tenant and for a key that does not exist or was revoked before.
func (o *Operator) RevokeAPIKey(ctx context.Context, slug string, key uuid.UUID) error {
	tenant, err := o.tenant(ctx, slug)
	if err != nil {
		return err
	}
	return o.change(ctx, tenant, "api_key.revoked", "api_key", key, func(tx OperatorTx, at time.Time) error {
		found, err := tx.RevokeAPIKey(ctx, key, at)
		if err == nil && !found {
			err = &fault.Error{Code: fault.NotFound, Field: "key", Message: "the tenant has no such key, or it was revoked before"}
		}
		if err == nil {
			tx.Record(Event{Kind: EventAccessChanged, At: at, ActorKind: ActorSystem, AgentID: &key})
		}
		return err
	})
}

// DisableAgent ends an agent's sessions and sockets, within 5 seconds in every process, and refuses new ones; what the agent has stays as it is.
// It returns NotFound for an unknown tenant or address.
func (o *Operator) DisableAgent(ctx context.Context, slug, email string) (uuid.UUID, error) {
	return o.setAgentActive(ctx, slug, email, false)
}

// EnableAgent lets an agent who was disabled sign in again. It returns NotFound for an unknown tenant or address.
func (o *Operator) EnableAgent(ctx context.Context, slug, email string) (uuid.UUID, error) {
	return o.setAgentActive(ctx, slug, email, true)
}

func (o *Operator) setAgentActive(ctx context.Context, slug, email string, active bool) (agent uuid.UUID, err error) {
	tenant, err := o.tenant(ctx, slug)
	if err != nil {
		return uuid.Nil, err
	}
	action := map[bool]string{false: "agent.disabled", true: "agent.enabled"}[active]
	at := o.clock().UTC().Truncate(time.Microsecond)
	err = o.store.InTenant(ctx, tenant, func(tx OperatorTx) error {
		var found bool
		if agent, found, err = tx.SetAgentActive(ctx, strings.ToLower(strings.TrimSpace(email)), active, at); err != nil {
			return err
		}
		if !found {
			return &fault.Error{Code: fault.NotFound, Field: "email", Message: "the tenant has no agent with this address"}
		}
		tx.Record(Event{Kind: EventAccessChanged, At: at, ActorKind: ActorSystem, AgentID: &agent})
		return tx.Audit(ctx, NewAuditEntry(OperatorActor(tenant), action, "agent", agent, nil, at))
	})
	return agent, err
}
