package graph

import (
	"context"
	"reflect"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/graph/internal/render"
)

// renderLists returns the middleware that writes lists of conversations, whose links are in memory: they were read beside the list.
func renderLists(schema *ast.Schema, resolvers gen.ResolverRoot) graphql.FieldMiddleware {
	conversations, accounts, identities := resolvers.Conversation(), resolvers.ChannelAccount(), resolvers.ContactIdentity()
	renderer := render.New(schema, reflect.TypeFor[gen.ResolverRoot](), map[string]render.Link{
		"Conversation.contact":          render.LinkTo(conversations.Contact),
		"Conversation.channelAccount":   render.LinkTo(conversations.ChannelAccount),
		"Conversation.assignee":         render.LinkTo(conversations.Assignee),
		"Conversation.team":             render.LinkTo(conversations.Team),
		"Conversation.replyWindow":      render.LinkTo(conversations.ReplyWindow),
		"ChannelAccount.team":           render.LinkTo(accounts.Team),
		"ContactIdentity.invalidReason": render.LinkTo(identities.InvalidReason),
	})
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
