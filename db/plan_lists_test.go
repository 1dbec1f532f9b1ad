package db_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// page is one that an agent may ask for.
type page struct {
	what, who, where string
	inbox.ListQuery
}

// pages are the first one and one in the depth of every kind of list, for who sees everything and for who sees some accounts.
func pages() (all []page) {
	account, team, contact := of("account", 3), of("team", 3), of("contact", 77)
	viewers := map[string]inbox.Visibility{
		"supervisor": {All: true, Agent: of("agent", 1)},
		"agent":      {Agent: of("agent", 1), Accounts: []uuid.UUID{of("account", 0), account, of("account", 7)}},
	}
	filters := map[string]inbox.ConversationFilter{
		"all": {}, "team": {TeamID: &team}, "account": {ChannelAccountID: &account}, "contact": {ContactID: &contact},
		"unassigned": {Assignee: inbox.AssignedNobody}, "mine": {Assignee: inbox.AssignedMine},
		"unassigned of an account": {Assignee: inbox.AssignedNobody, ChannelAccountID: &account},
		"unassigned of a team":     {Assignee: inbox.AssignedNobody, TeamID: &team},
		"mine of an account":       {Assignee: inbox.AssignedMine, ChannelAccountID: &account},
	}
	places := map[string]*inbox.ListPlace{"first": nil, "deep": {LastMessageAt: time.Now().Add(-7000 * time.Minute), ID: of("conversation", 7000)}}
	for who, viewer := range viewers {
		for what, filter := range filters {
			filter.Status = inbox.Statuses()
			for where, after := range places {
				all = append(all, page{what, who, where, inbox.ListQuery{Filter: filter, Viewer: viewer, After: after, Limit: 51}})
			}
		}
	}
	return all
}

func (f *filled) lists() (all []hot) {
	for _, p := range pages() {
		all = append(all, hot{fmt.Sprintf("the %s page of %s for a %s", p.where, p.what, p.who), f.reading(func(ctx context.Context, tx *db.Tx) error {
			_, _, err := tx.ListConversations(ctx, p.ListQuery)
			return err
		}), 750})
	}
	return all
}

// listsFromIndexes looks at how the conversations of a page are found, before their rows are read: in indexes that hold all that is asked, in the
// order of the list. Few conversations are a contact's, or an agent's in one account, and those are looked at one by one.
func (f *filled) listsFromIndexes(t *testing.T) {
	halves := []string{"conversations_unassigned_idx", "conversations_assigned_idx"}
	only := map[string][]string{
		"all for a supervisor": {"conversations_status_idx"}, "all for a agent": halves, "account for a supervisor": halves, "account for a agent": halves,
	}
	for _, who := range []string{"supervisor", "agent"} {
		only["unassigned for a "+who], only["unassigned of an account for a "+who] = halves[:1], halves[:1]
		only["mine for a "+who] = []string{"conversations_assignee_idx"}
		only["unassigned of a team for a "+who] = []string{"conversations_team_unassigned_idx"}
		only["team for a "+who] = []string{"conversations_team_unassigned_idx", "conversations_team_assigned_idx"}
	}
	for _, p := range pages() {
		f.take()
		err := f.reading(func(ctx context.Context, tx *db.Tx) error {
			_, _, err := tx.ListConversations(ctx, p.ListQuery)
			return err
		})(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found := f.take()
		for _, index := range only[p.what+" for a "+p.who] {
			if scans, rows := indexOnly(found, index); scans == 0 || rows > 0 {
				t.Errorf("the %s page of %s for a %s: %d scans of %s alone, for which %.0f rows were read all the same", p.where, p.what, p.who, scans, index, rows)
			}
		}
	}
}

// indexOnly returns how often the plans have a scan of the index alone, and how many rows were read in the table for it all the same; a scan of another
// kind counts as one.
func indexOnly(plans []plan, index string) (scans int, rows float64) {
	for _, p := range plans {
		each(p.root, func(node map[string]any) {
			if node["Index Name"] != index {
				return
			}
			if fetched, alone := node["Heap Fetches"].(float64); alone {
				scans, rows = scans+1, rows+fetched
			} else {
				rows++
			}
		})
	}
	return scans, rows
}
