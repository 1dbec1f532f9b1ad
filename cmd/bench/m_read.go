package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const listQuery = `query($filter: ConversationFilter, $after: String) { conversations(first: 50, filter: $filter, after: $after) { cursor
	pageInfo { hasNextPage endCursor } edges { cursor unreadCount node { id status version lastSeq lastMessageAt preview contact { id name }
	channelAccount { id name } assignee { id name } } } } }`

// filters are the lists of the agent app, each single filter, and pairs that find much, little and, behind rows that one of the two lets through,
// nothing at all: whoever is on the first account has somebody who takes care.
func filters(t int) map[string]map[string]any {
	open := []string{"OPEN"}
	return map[string]map[string]any{
		"all": {}, "open": {"status": open}, "mine": {"assignee": "MINE"}, "unassigned": {"assignee": "UNASSIGNED"},
		"open and unassigned": {"assignee": "UNASSIGNED", "status": open}, "resolved": {"status": []string{"RESOLVED"}},
		"account": {"channelAccountId": accountID(t, 1)}, "team": {"teamId": id(kindTeam, t)}, "contact": {"contactId": id(kindContact, t*1_000_000+7)},
		"snoozed": {"status": []string{"SNOOZED"}}, "snoozed and mine": {"assignee": "MINE", "status": []string{"SNOOZED"}},
		"open and mine": {"assignee": "MINE", "status": open}, "open of an account": {"status": open, "channelAccountId": accountID(t, 0)},
		"open and unassigned of a team":          {"status": open, "assignee": "UNASSIGNED", "teamId": id(kindTeam, t)},
		"unassigned of an account that has none": {"assignee": "UNASSIGNED", "channelAccountId": accountID(t, 0)},
	}
}

// pages returns operations for the first and for a deep page of every filter.
func (b *bench) pages(t, deep int) (map[string][]byte, error) {
	c, err := dial(b.serve.url)
	if err != nil {
		return nil, err
	}
	defer c.close()
	tokens, out := b.tokensOf(t), map[string][]byte{}
	for name, filter := range filters(t) {
		token := tokens[len(out)/2%everybody] // an agent a filter, since what one may ask in a minute is limited
		first := query(listQuery, map[string]any{"filter": filter})
		out[name+", first page"] = first
		body := first
		for range deep {
			answer, err := c.ask(token, body)
			if err != nil {
				return nil, err
			}
			var page struct {
				Data struct {
					Conversations struct {
						PageInfo struct {
							HasNextPage bool
							EndCursor   string
						}
					}
				}
			}
			if err := json.Unmarshal(answer, &page); err != nil {
				return nil, err
			}
			if !page.Data.Conversations.PageInfo.HasNextPage {
				break
			}
			body = query(listQuery, map[string]any{"filter": filter, "after": page.Data.Conversations.PageInfo.EndCursor})
		}
		out[name+", deep page"] = body
	}
	return out, nil
}

// listTime returns a side: the worst median over the pages, at one connection.
func (b *bench) listTime(t int, pages map[string][]byte, worst *string) side {
	tokens := b.tokensOf(t)
	return plain(func(context.Context) (float64, error) {
		c, err := dial(b.serve.url)
		if err != nil {
			return 0, err
		}
		defer c.close()
		most := 0.0
		for name, body := range pages {
			var took []float64
			for n := range everybody {
				at := time.Now()
				if _, err := c.ask(tokens[n], body); err != nil {
					return 0, fmt.Errorf("%s: %w", name, err)
				}
				took = append(took, ms(time.Since(at)))
			}
			if p50 := median(took); p50 > most {
				most, *worst = p50, name
			}
		}
		return most, nil
	})
}

func measureList(ctx context.Context, b *bench, m measure) error {
	big, err := b.pages(bigTenant, 60)
	if err != nil {
		return err
	}
	small, err := b.pages(smallTenant, 3)
	if err != nil {
		return err
	}
	var worst, ignored string
	ours, beside := b.listTime(bigTenant, big, &worst), b.listTime(smallTenant, small, &ignored)
	if err := warm(ctx, ours, beside); err != nil {
		return err
	}
	bigOnes, smallOnes, err := b.compare(ctx, m.id, ours, beside)
	if err != nil {
		return err
	}
	our, other := bigOnes.figure(), smallOnes.figure()
	b.within(m, "list of 1 million messages, p50 of the slowest page ("+worst+")", our, "ms", 5)
	b.add(row{ID: m.id, What: "the same against 10,000 messages", Ours: our, Unit: "ms", Beside: other, Name: "10,000 messages", Ratio: our / other,
		Goal: "<= 1.3", OK: our/other <= 1.3})
	b.quoted(m, "the same, one connection", 1000/our, "/s", libredeskList, `Libredesk "all"`, 100)
	return b.countTime(ctx, m)
}

// countTime adds what the numbers beside the list cost, for which there is no goal.
func (b *bench) countTime(ctx context.Context, m measure) error {
	for _, q := range []struct{ what, text string }{
		{"conversationCounts over 100,000", `{ conversationCounts { mine unassigned all cursor } }`},
		{"unreadCount over 100,000", `{ unreadCount { conversations cursor } }`},
	} {
		var worst string
		our, _, err := b.compare(ctx, m.id+"-counts", b.listTime(bigTenant, map[string][]byte{"": query(q.text, nil)}, &worst), nil)
		if err != nil {
			return err
		}
		b.add(row{ID: m.id, What: q.what + ", p50", Ours: our.figure(), Unit: "ms", Ratio: our.figure(), Goal: "none", OK: true})
	}
	return nil
}

// sameSize looks whether two answers hold about as much: one that says less would be a lighter task.
func sameSize(ours, beside []byte) error {
	if ratio := float64(len(ours)) / float64(len(beside)); ratio < 0.97 || ratio > 1.03 {
		return fmt.Errorf("our answer has %d bytes, and the one beside it %d", len(ours), len(beside))
	}
	return nil
}

func (b *bench) sameList(body []byte, path string) error {
	us, err := dial(b.serve.url)
	if err != nil {
		return err
	}
	defer us.close()
	ours, err := us.ask(b.token(bigTenant, 1), body)
	if err != nil {
		return err
	}
	them, err := dial(b.standins.url)
	if err != nil {
		return err
	}
	defer them.close()
	beside, err := them.call(http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	return sameSize(ours, beside)
}

// listAll returns the sides that ask for the list as often as they can for so long.
func (b *bench) listAll(length time.Duration, body []byte, path string) (ours, beside side) {
	tokens := b.tokensOf(bigTenant)
	ours = func(ctx context.Context) (sample, error) {
		return flood(ctx, b.serve, 8, length, func(c *caller, worker, n int) error {
			_, err := c.ask(tokens[(worker+8*n)%everybody], body)
			return err
		})
	}
	beside = func(ctx context.Context) (sample, error) {
		return flood(ctx, b.standins, 8, length, func(c *caller, _, _ int) error {
			_, err := c.call(http.MethodGet, path, "", nil)
			return err
		})
	}
	return ours, beside
}

func measureGraphQL(ctx context.Context, b *bench, m measure) error {
	body, path := query(listQuery, nil), fmt.Sprintf("/list?tenant=%s&agent=%s", tenantID(bigTenant), agentID(bigTenant, 1))
	if err := b.sameList(body, path); err != nil {
		return err
	}
	ours, beside := b.listAll(300*time.Millisecond, body, path) // shortly, since what one may ask in a minute is limited
	if err := warm(ctx, ours, beside); err != nil {
		return err
	}
	ours, beside = b.listAll(1500*time.Millisecond, body, path)
	return b.faster(ctx, m, "conversations(first: 50), 8 connections", "/s", "pgx and encoding/json", 0.5, ours, beside)
}
