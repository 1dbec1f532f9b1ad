package graph

import "github.com/switchboard-inbox/switchboard/graph/internal/gen"

// What a list costs that has no page size: about as many entries as a busy tenant has.
const unpagedEntries = 20

// defaultMessages is the page of `messages` without first and last.
const defaultMessages = 50

// weigh makes a list cost its page size times its entry; without that, the complexity limit would not see how long lists are.
func weigh(root *gen.ComplexityRoot) {
	unpaged := func(child int) int { return 1 + unpagedEntries*child }
	root.Query.Agents = unpaged
	root.Query.Teams = unpaged
	root.Query.ChannelAccounts = unpaged
	root.Query.Alerts = func(child int, _ bool, first int) int { return 1 + page(first)*child }
	root.Query.Conversations = func(child int, _ *gen.ConversationFilter, first int, _ *string) int {
		return 1 + page(first)*child
	}
	root.Conversation.Messages = func(child int, first *int, _ *string, last *int, _ *string) int {
		switch {
		case first != nil:
			return 1 + page(*first)*child
		case last != nil:
			return 1 + page(*last)*child
		}
		return 1 + defaultMessages*child
	}
}

// page returns the size of a page within the bounds that are checked elsewhere, so that no product overflows.
func page(size int) int { return min(max(size, 1), maxPage) }
