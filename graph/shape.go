package graph

import (
	"context"
	"encoding/json"
	"reflect"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/graph/internal/render"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// shape is the form in which subscribers want their items: an operation of one field, and an item is what it holds.
type shape struct {
	subscriptions *Subscriptions
	tenant        inbox.TenantID
	operation     *graphql.OperationContext
	field         graphql.CollectedField
	plans         sync.Map // of *render.Plan by the Go type of an item; nil where the executor is to write it
}

// shape returns the shape of the operation; a copy, because the subscriber's own ends with him.
func (s *Subscriptions) shape(tenant inbox.TenantID, op *graphql.OperationContext, field graphql.CollectedField) *shape {
	return &shape{subscriptions: s, tenant: tenant, field: field, operation: &graphql.OperationContext{
		RawQuery: op.RawQuery, Variables: op.Variables, OperationName: op.OperationName, Doc: op.Doc, Operation: op.Operation,
		DisableIntrospection: op.DisableIntrospection, RecoverFunc: op.RecoverFunc, ResolverMiddleware: op.ResolverMiddleware,
		RootResolverMiddleware: op.RootResolverMiddleware,
	}}
}

// render returns the whole response that holds the item; whole is false when the item itself is missing from it.
func (f *shape) render(ctx context.Context, r *rendering) (payload []byte, whole bool) {
	if r.snapshot != nil {
		ctx = context.WithValue(ctx, loadersKey{}, f.subscriptions.primed.of(r.snapshot))
	}
	if payload = f.write(ctx, r); payload != nil {
		return payload, true
	}
	return f.execute(ctx, r)
}

// write writes the response without the executor. It returns nil where only that can, or where there is an error for it to tell.
func (f *shape) write(ctx context.Context, r *rendering) []byte {
	if r.err != nil {
		return nil
	}
	plan := f.plan(reflect.TypeOf(r.item))
	if plan == nil {
		return nil
	}
	ctx = WithActor(ctx, inbox.SystemActor(f.tenant), time.Time{})
	payload := append(make([]byte, 0, 1<<10), `{"data":{"`+f.field.Alias+`":`...)
	payload, ok := plan.Append(ctx, payload, r.item)
	if !ok {
		return nil
	}
	return append(payload, "}}"...)
}

func (f *shape) plan(kind reflect.Type) *render.Plan {
	made, ok := f.plans.Load(kind)
	if !ok {
		made, _ = f.plans.LoadOrStore(kind, f.subscriptions.renderer.Plan(f.operation, f.field, kind))
	}
	return made.(*render.Plan)
}

// execute runs the operation for the item.
func (f *shape) execute(ctx context.Context, r *rendering) (payload []byte, whole bool) {
	response := run(ctx, f.subscriptions.executor, inbox.SystemActor(f.tenant), f.operation, r)
	whole = len(response.Data) > 0 && string(response.Data) != "null"
	if len(response.Errors) == 0 && len(response.Extensions) == 0 {
		payload = make([]byte, 0, len(response.Data)+len(`{"data":}`))
		payload = append(payload, `{"data":`...)
		payload = append(payload, response.Data...)
		return append(payload, '}'), whole
	}
	payload, err := json.Marshal(response)
	if err != nil {
		f.subscriptions.logger.Error("a subscription's response cannot be encoded", "error", err)
		return []byte(`{"data":null,"errors":[{"message":"something went wrong on our side","extensions":{"code":"INTERNAL"}}]}`), false
	}
	return payload, whole
}

// sendResync sends the item that tells a subscriber to query afresh.
func (f *shape) sendResync(sink Sink, reason live.Reason, cursor string) {
	ctx, cancel := context.WithTimeout(context.Background(), renderTimeout)
	defer cancel()
	payload, _ := f.render(ctx, &rendering{item: gen.Resync{Reason: gen.ResyncReason(reason), Cursor: cursor}})
	if !sink.Next(payload) {
		sink.Next(payload) // for what comes after a refusal there is a place
	}
}
