package graph

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"github.com/switchboard-inbox/switchboard/graph/internal/render"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/live"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// Followed is what subscriptions read beyond the stream; inbox.Inbox is one.
type Followed interface {
	// Conversation returns a conversation that the actor sees; NotFound for any other.
	Conversation(ctx context.Context, actor inbox.Actor, id uuid.UUID) (inbox.Conversation, error)
	UnreadOf(ctx context.Context, tenant inbox.TenantID, viewers []inbox.Visibility, conversations []uuid.UUID) ([]inbox.Unread, inbox.Cursor, error)
	CountsOf(ctx context.Context, tenant inbox.TenantID, viewers []inbox.Visibility, filter inbox.ConversationFilter) ([]inbox.Counts, inbox.Cursor, error)
}

// SubscriptionsConfig is what Subscriptions need.
type SubscriptionsConfig struct {
	Hub      *live.Hub
	Inbox    Followed
	Resolver *Resolver
	// Alerts returns alerts of the tenant by id; missing ones are absent.
	Alerts func(ctx context.Context, actor inbox.Actor, ids []uuid.UUID) ([]outbound.Alert, error)
	Logger *slog.Logger
}

// Subscriptions run the subscriptions of this process. Those that ask for the same in the same words form a cohort: each item is
// rendered once for all of them. Subscriptions implement Subscriber and are safe for concurrent use.
type Subscriptions struct {
	hub      *live.Hub
	inbox    Followed
	alerts   func(ctx context.Context, actor inbox.Actor, ids []uuid.UUID) ([]outbound.Alert, error)
	executor *executor.Executor
	asker    *executor.Executor // finds out what is asked for; its errors are presented by the transport
	renderer *render.Renderer
	primed   primedLoaders
	logger   *slog.Logger
	shelf    shelf

	mu      sync.Mutex
	cohorts map[cohortKey]*cohort
	tallies map[tallyKey]*tally
}

// NewSubscriptions returns Subscriptions on the hub, which the caller runs.
func NewSubscriptions(config SubscriptionsConfig) *Subscriptions {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	presenter := presenter{logger: config.Logger}
	schema := config.Resolver.schema()
	asker := executor.New(schema)
	asker.SetRecoverFunc(recovered)
	exec := executor.New(schema)
	exec.SetErrorPresenter(presenter.present)
	exec.SetRecoverFunc(recovered)
	exec.AroundResponses(config.Resolver.withLoaders)
	return &Subscriptions{
		hub: config.Hub, inbox: config.Inbox, alerts: config.Alerts, executor: exec, asker: asker, logger: config.Logger,
		renderer: newRenderer(schema.Schema(), config.Resolver),
		primed:   primedLoaders{resolver: config.Resolver}, cohorts: map[cohortKey]*cohort{}, tallies: map[tallyKey]*tally{},
		shelf: shelf{limit: maxKept},
	}
}

// topic is what a subscription follows. A topic is made by its resolver from the field's arguments.
type topic interface {
	// begin returns an error when the actor may not follow this at all. It is asked again after every change of his access.
	begin(ctx context.Context, s *Subscriptions, actor inbox.Actor) error
	// key names the topic among those of the tenant, for this actor: topics of the same key show the same.
	key(actor inbox.Actor) string
}

// Open starts the subscription for the actor; what it yields goes to the sink, until stop is called or the sink is told Complete; it
// outlives ctx. The sink may be called before Open returns. It returns Invalid for a document that asks for no single field,
// Unauthenticated when the actor's sign-in has ended, Forbidden or NotFound when he may not follow what he asks for, and
// Unavailable when the database cannot be reached.
func (s *Subscriptions) Open(ctx context.Context, actor inbox.Actor, op *graphql.OperationContext, sink Sink) (stop func(), err error) {
	fields := graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Subscription"})
	if len(fields) != 1 {
		return nil, fault.New(fault.Invalid, "a subscription asks for exactly one field")
	}
	wish, form := &opening{}, s.shape(actor.Tenant(), op, fields[0])
	if response := run(ctx, s.asker, actor, form.operation, wish); wish.topic == nil {
		if response != nil && len(response.Errors) > 0 {
			return nil, response.Errors[0]
		}
		return nil, fault.New(fault.Invalid, "this cannot be subscribed to")
	}
	key, err := keyOf(actor, wish.topic, op, fields[0])
	if err != nil {
		return nil, err
	}
	if counted, ok := wish.topic.(countTopic); ok {
		return s.count(ctx, actor, counted, wish.after, form, sink)
	}
	c := s.join(key, wish.topic.(itemTopic), form)
	follower := &follower{cohort: c, sink: sink}
	end, err := s.hub.Subscribe(ctx, live.Request{Actor: actor, Audience: c, After: wish.after, Taker: follower})
	if err != nil {
		follower.leave()
		return nil, err
	}
	return func() { end(); follower.leave() }, nil
}

// renderTimeout bounds what the rendering of one item may take.
const renderTimeout = 3 * time.Second

// cohortKey names a cohort.
type cohortKey [sha256.Size]byte

// keyOf returns the key of what is asked for and in which form: the topic and the selection, without the cursor.
func keyOf(actor inbox.Actor, topic topic, op *graphql.OperationContext, field graphql.CollectedField) (cohortKey, error) {
	variables := make(map[string]any, len(op.Variables))
	for name, value := range op.Variables {
		variables[name] = value
	}
	if after := field.Arguments.ForName("after"); after != nil && after.Value.Kind == ast.Variable {
		delete(variables, after.Value.Raw)
	}
	encoded, err := json.Marshal(variables)
	if err != nil {
		return cohortKey{}, err
	}
	var text strings.Builder
	for _, part := range []string{actor.Tenant().String(), field.Name, field.Alias, topic.key(actor), string(encoded)} {
		text.WriteString(part)
		text.WriteByte(0)
	}
	var fragments ast.FragmentDefinitionList
	for _, fragment := range op.Doc.Fragments {
		if fragment.TypeCondition != "Subscription" { // what stands around the field is no part of its form
			fragments = append(fragments, fragment)
		}
	}
	formatter.NewFormatter(&text, formatter.WithIndent("")).FormatQueryDocument(&ast.QueryDocument{
		Operations: ast.OperationList{{Operation: ast.Query, SelectionSet: field.Selections}}, Fragments: fragments,
	})
	return sha256.Sum256([]byte(text.String())), nil
}
