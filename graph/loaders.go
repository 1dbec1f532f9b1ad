package graph

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

type loadersKey struct{}

// byID is a loader of what has one id.
type byID[V any] = loader[uuid.UUID, V]

// loaders are the loaders of one response, for one caller; every fetch takes the tenant from him.
type loaders struct {
	contacts    *byID[*inbox.Contact]
	accounts    *byID[*inbox.ChannelAccount]
	agents      *byID[*inbox.Agent]
	teams       *byID[*inbox.Team]
	marks       *byID[[]inbox.Mark]
	attachments *byID[[]inbox.Attachment]
	quoted      *byID[inbox.Message]
	retries     *byID[uuid.UUID]
	raws        *byID[[]byte]
	attempts    *byID[[]outbound.Attempt]
	holds       *byID[outbound.Dispatch]

	inbox    *inbox.Inbox
	mu       sync.Mutex
	messages map[uuid.UUID]inbox.Message // those that this response holds
	siblings []uuid.UUID                 // the conversations of lists in this response
	pages    map[inboxPage]*byID[inbox.MessagePage]
}

// inboxPage is a page of messages as it is asked for, so that equal ones of many conversations are read together.
type inboxPage struct {
	first, last   int
	after, before string
}

func newLoaders(r *Resolver) *loaders {
	l := &loaders{
		inbox: r.Inbox, messages: map[uuid.UUID]inbox.Message{}, pages: map[inboxPage]*byID[inbox.MessagePage]{},
		contacts:    listed(r.Inbox.ContactsOf, func(c *inbox.Contact) uuid.UUID { return c.ID }),
		agents:      listed(r.Inbox.AgentsOf, func(a *inbox.Agent) uuid.UUID { return a.ID }),
		teams:       listed(r.Inbox.TeamsOf, func(t *inbox.Team) uuid.UUID { return t.ID }),
		attachments: mapped(r.Inbox.AttachmentsOf),
		retries:     mapped(r.Inbox.RetriesOf),
		raws:        mapped(r.Inbox.RawOf),
		attempts:    mapped(r.Outbound.AttemptsOf),
		holds:       mapped(r.Outbound.HoldsOf),
	}
	l.accounts = listed(func(ctx context.Context, actor inbox.Actor, ids []uuid.UUID) ([]inbox.ChannelAccount, error) {
		accounts, err := r.Inbox.ChannelAccountsOf(ctx, actor, ids)
		return l.channelAccounts(accounts), err
	}, func(a *inbox.ChannelAccount) uuid.UUID { return a.ID })
	l.marks = ofMessages(l, r.Inbox.MarksOf)
	l.quoted = ofMessages(l, func(ctx context.Context, actor inbox.Actor, messages []inbox.Message) (map[uuid.UUID]inbox.Message, error) {
		quoted, err := r.Inbox.QuotedBy(ctx, actor, messages)
		l.know(slices.Collect(maps.Values(quoted))...)
		return quoted, err
	})
	return l
}

// mapped returns a loader over a read that answers by id.
func mapped[V any](read func(context.Context, inbox.Actor, []uuid.UUID) (map[uuid.UUID]V, error)) *byID[V] {
	return newLoader(func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]V, error) {
		actor, err := caller(ctx)
		if err != nil {
			return nil, err
		}
		return read(ctx, actor, ids)
	})
}

// listed returns a loader over a read that answers with a list.
func listed[V any](read func(context.Context, inbox.Actor, []uuid.UUID) ([]V, error), id func(*V) uuid.UUID) *byID[*V] {
	return mapped(func(ctx context.Context, actor inbox.Actor, ids []uuid.UUID) (map[uuid.UUID]*V, error) {
		rows, err := read(ctx, actor, ids)
		byID := make(map[uuid.UUID]*V, len(rows))
		for i := range rows {
			byID[id(&rows[i])] = &rows[i]
		}
		return byID, err
	})
}

// ofMessages returns a loader over a read that needs the messages themselves.
func ofMessages[V any](l *loaders, read func(context.Context, inbox.Actor, []inbox.Message) (map[uuid.UUID]V, error)) *byID[V] {
	return mapped(func(ctx context.Context, actor inbox.Actor, ids []uuid.UUID) (map[uuid.UUID]V, error) {
		return read(ctx, actor, l.known(ids))
	})
}

// withLoaders gives every response loaders of its own: a subscription that lived on one set would serve what was true when it began.
// One whose context was prepared with loadersOf keeps those.
func (r *Resolver) withLoaders(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	if _, ok := ctx.Value(loadersKey{}).(*loaders); ok {
		return next(ctx)
	}
	ctx, _ = r.loading(ctx)
	return next(ctx)
}

// loading returns a context for one response, and its loaders, which may be primed.
func (r *Resolver) loading(ctx context.Context) (context.Context, *loaders) {
	l := newLoaders(r)
	return context.WithValue(ctx, loadersKey{}, l), l
}

// from returns the loaders of the response.
func from(ctx context.Context) *loaders {
	l, _ := ctx.Value(loadersKey{}).(*loaders)
	return l
}
