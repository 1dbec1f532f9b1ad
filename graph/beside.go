package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// beside returns what the operation's fields may ask of that to which conversations point. Fields are told by their names alone, wherever they
// stand: rather too much is read than too little, because what is read this way is not read again in this response.
func beside(ctx context.Context) inbox.Beside { return besideOf(graphql.GetOperationContext(ctx)) }

// along has what the operation's fields ask of that to which a changed conversation points read with the change, for this response.
func along(ctx context.Context) inbox.Along {
	return inbox.Along{Want: beside(ctx), Take: from(ctx).prime}
}

func besideOf(op *graphql.OperationContext) inbox.Beside {
	asked := map[string]bool{}
	collectNames(op.Operation.SelectionSet, asked)
	return inbox.Beside{
		Contacts: asked["contact"], Identities: asked["identities"], Accounts: asked["channelAccount"] || asked["replyWindow"],
		Assignees: asked["assignee"], Teams: asked["team"],
	}
}

// collectNames adds the names of the fields, those of fragments included. What an operation may hold is bounded before it is executed.
func collectNames(set ast.SelectionSet, names map[string]bool) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			names[s.Name] = true
			collectNames(s.SelectionSet, names)
		case *ast.InlineFragment:
			collectNames(s.SelectionSet, names)
		case *ast.FragmentSpread:
			collectNames(s.Definition.SelectionSet, names)
		}
	}
}
