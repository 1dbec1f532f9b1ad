package db

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// The page is merged from branches, one for each status and, where a filter needs it, channel account. Each branch is an index that is
// already in the order of the list, so that it stops after a page, however many conversations there are and however few match.
// No single index order serves every mixture of filters; written as one WHERE, Postgres would sort or walk the whole tenant. Indexes by account
// and by team come in halves, of what is assigned and of what is not.

const listPage = `
SELECT c.*, greatest(c.inbound_count - coalesce(r.inbound_no, 0), 0)::bigint AS unread
FROM (SELECT b.id FROM (%branches%) b ORDER BY b.last_message_at DESC, b.id DESC LIMIT %limit%) page
JOIN conversations c ON c.tenant_id = $1 AND c.id = page.id
LEFT JOIN read_cursors r ON r.tenant_id = $1 AND r.agent_id = %agent% AND r.conversation_id = c.id
ORDER BY c.last_message_at DESC, c.id DESC`

const listBranch = `
(SELECT x.id, x.last_message_at FROM %lanes% CROSS JOIN LATERAL (
  SELECT c.id, c.last_message_at FROM conversations c WHERE c.tenant_id = $1 AND %where%
  ORDER BY c.last_message_at DESC, c.id DESC LIMIT %limit%) x)`

// The halves that indexes of conversations are split into, in the words of the indexes.
const (
	isUnassigned = "c.assignee_id IS NULL"
	isAssigned   = "c.assignee_id IS NOT NULL"
	isActive     = "c.status IN ('OPEN', 'SNOOZED')"
	isResolved   = "c.status = 'RESOLVED'"
)

// ListConversations implements inbox.ConversationRows.
func (tx *Tx) ListConversations(ctx context.Context, q inbox.ListQuery) (rows []inbox.ListedConversation, cursor inbox.Cursor, err error) {
	batch := &pgx.Batch{}
	queueHead(batch, tx.tenant, &cursor)
	if query, args := listOf(tx.tenant, q); query != "" {
		batch.Queue(query, args...).Query(func(found pgx.Rows) (err error) {
			rows, err = pgx.CollectRows(found, listed)
			return err
		})
	}
	return rows, cursor, tx.conn.SendBatch(ctx, batch).Close()
}

// listOf returns the statement of a page and its arguments; "" when the viewer can see nothing under the filter.
func listOf(tenant uuid.UUID, q inbox.ListQuery) (query string, args []any) {
	s := newSelection(tenant, q.Filter)
	if q.After != nil {
		s.where("(c.last_message_at, c.id) < (" + s.arg(q.After.LastMessageAt) + "::timestamptz, " + s.arg(q.After.ID) + "::uuid)")
	}
	me := s.arg(q.Viewer.Agent) + "::uuid"
	branches := s.branches(q, me)
	if len(branches) == 0 {
		return "", nil
	}
	limit := strconv.Itoa(q.Limit)
	query = strings.NewReplacer("%branches%", strings.Join(branches, " UNION ALL "), "%agent%", me).Replace(listPage)
	return strings.ReplaceAll(query, "%limit%", limit), s.args
}

// listed scans the columns of conversations in the order of the table, which is the order of gen.Conversation, and then unread.
func listed(row pgx.CollectableRow) (inbox.ListedConversation, error) {
	var r gen.Conversation
	var unread int64
	err := row.Scan(&r.TenantID, &r.ID, &r.ContactID, &r.ChannelAccountID, &r.TeamID, &r.Status, &r.AssigneeID, &r.Version, &r.LastSeq,
		&r.InboundCount, &r.LastMessageAt, &r.LastInboundAt, &r.Preview, &r.SnoozedUntil, &r.SnoozeGen, &r.ResolvedAt, &r.ResolvedAtSeq,
		&r.FollowUpAt, &r.CreatedAt, &unread)
	return inbox.ListedConversation{Conversation: conversation(r), Unread: unread}, err
}

// selection is a WHERE clause under construction; only our own words get into it, every value is an argument.
type selection struct {
	args  []any
	terms []string
}

// newSelection starts with the tenant as $1 and the filter's account, team and contact.
func newSelection(tenant uuid.UUID, filter inbox.ConversationFilter) *selection {
	s := &selection{args: []any{tenant}}
	for _, term := range []struct { // in one order, so that equal filters are one prepared statement
		column string
		id     *uuid.UUID
	}{{"c.channel_account_id", filter.ChannelAccountID}, {"c.team_id", filter.TeamID}, {"c.contact_id", filter.ContactID}} {
		if term.id != nil {
			s.where(term.column + " = " + s.arg(*term.id))
		}
	}
	if filter.ContactID != nil { // true of every row; each half has its index
		s.where("(" + isActive + " OR " + isResolved + ")")
	}
	return s
}

func (s *selection) arg(v any) string {
	s.args = append(s.args, v)
	return "$" + strconv.Itoa(len(s.args))
}

func (s *selection) where(term string) { s.terms = append(s.terms, term) }

// branches returns what the page is merged from: disjoint sets that hold exactly what the viewer may see under the filter.
func (s *selection) branches(q inbox.ListQuery, me string) []string {
	statuses := "unnest(" + s.arg(texts(q.Filter.Status)) + "::text[]) AS lane (status)"
	inStatus := "c.status = lane.status"
	mine := "c.assignee_id = " + me
	if q.Filter.Assignee == inbox.AssignedMine {
		return []string{s.branch(statuses, inStatus, mine)}
	}
	halves := []string{isUnassigned, isAssigned}
	nobody := q.Filter.Assignee == inbox.AssignedNobody
	if nobody {
		halves = halves[:1]
	}
	if q.Filter.ContactID != nil { // few rows, found by the contact's own indexes
		s.seenBy([]inbox.Visibility{q.Viewer})
		if nobody {
			s.where(isUnassigned)
		}
		return []string{s.branch(statuses, inStatus)}
	}
	accounts, elsewhere := q.Viewer.Accounts, !nobody // what is assigned to the viewer on accounts that he does not see otherwise
	if chosen := q.Filter.ChannelAccountID; chosen != nil && slices.Contains(accounts, *chosen) {
		accounts, elsewhere = []uuid.UUID{*chosen}, false
	} else if chosen != nil {
		accounts = nil
	}
	var all []string
	switch {
	case q.Viewer.All && q.Filter.ChannelAccountID != nil:
		return s.each(halves, statuses, inStatus)
	case q.Viewer.All && q.Filter.TeamID == nil && !nobody:
		return []string{s.branch(statuses, inStatus)}
	case q.Viewer.All:
		lanes := "(SELECT id FROM channel_accounts WHERE tenant_id = $1) AS account CROSS JOIN " + statuses
		return s.each(halves, lanes, inStatus, "c.channel_account_id = account.id")
	case len(accounts) > 0:
		lanes := "unnest(" + s.arg(accounts) + "::uuid[]) AS account (id) CROSS JOIN " + statuses
		all = s.each(halves, lanes, inStatus, "c.channel_account_id = account.id")
	}
	if elsewhere {
		all = append(all, s.branch(statuses, inStatus, mine, "c.channel_account_id <> ALL ("+s.arg(notNil(accounts))+"::uuid[])"))
	}
	return all
}

// each returns a branch for each of the halves.
func (s *selection) each(halves []string, lanes string, terms ...string) (branches []string) {
	for _, half := range halves {
		branches = append(branches, s.branch(lanes, append([]string{half}, terms...)...))
	}
	return branches
}

func (s *selection) branch(lanes string, terms ...string) string {
	where := strings.Join(append(slices.Clone(terms), s.terms...), " AND ")
	return strings.NewReplacer("%lanes%", lanes, "%where%", where).Replace(listBranch)
}

func texts[T ~string](values []T) []string {
	return column(values, func(v T) string { return string(v) })
}

// notNil returns an empty list for none: NULL in its place would make a comparison unknown instead of true.
func notNil[T any](values []T) []T {
	if values == nil {
		return []T{}
	}
	return values
}
