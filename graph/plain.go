package graph

import (
	"context"
	"reflect"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/graph/internal/render"
)

// newRenderer returns a renderer of what conversations point to; that is in memory wherever it is used, because it was read beside them.
func newRenderer(schema *ast.Schema, resolvers gen.ResolverRoot) *render.Renderer {
	conversations, accounts, identities := resolvers.Conversation(), resolvers.ChannelAccount(), resolvers.ContactIdentity()
	return render.New(schema, reflect.TypeFor[gen.ResolverRoot](), map[string]render.Link{
		"Conversation.contact":          render.LinkTo(conversations.Contact),
		"Conversation.channelAccount":   render.LinkTo(conversations.ChannelAccount),
		"Conversation.assignee":         render.LinkTo(conversations.Assignee),
		"Conversation.team":             render.LinkTo(conversations.Team),
		"Conversation.replyWindow":      render.LinkTo(conversations.ReplyWindow),
		"ChannelAccount.team":           render.LinkTo(accounts.Team),
		"ContactIdentity.invalidReason": render.LinkTo(identities.InvalidReason),
	})
}

// renderLists returns the middleware that writes lists of conversations.
func renderLists(renderer *render.Renderer) graphql.FieldMiddleware {
	return func(ctx context.Context, next graphql.Resolver) (any, error) {
		answer, err := next(ctx)
		if list, ok := answer.(*gen.ConversationConnection); ok && err == nil {
			if text := renderer.Render(ctx, list); text != nil {
				return text, nil
			}
		}
		return answer, err
	}
}
