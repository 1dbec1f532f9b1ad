package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// Stage is the running installation that the story is played on.
type Stage struct {
	Tenant   inbox.TenantID
	APIKey   uuid.UUID // an API key of the tenant, for notifications
	Store    outbound.Store
	Inbox    *inbox.Inbox
	Outbound *outbound.Outbound
	// Simulator is the address of the simulated vendor, which knows Numbers.
	Simulator string
	// From is how long ago the story begins, or goes on after an interruption.
	From time.Duration
	// Shift moves every clock of the installation to the given distance from the real time.
	Shift func(ctx context.Context, by time.Duration) error
}

// player plays beats.
type player struct {
	Stage
	vendor   *vendor
	accounts []inbox.ChannelAccount // in the order of Numbers
	agents   map[string]inbox.Actor // by name
}

// Play tells the story from its beginning, or from where it was interrupted, to a moment ago, and leaves the clocks right. The step at
// which it was interrupted is told again and repeats nothing: it has a name under which the product knows it. Play returns an error
// that names the step which failed.
func Play(ctx context.Context, stage Stage) error {
	p := &player{Stage: stage, vendor: newVendor(stage.Simulator)}
	if err := p.meet(ctx); err != nil {
		return err
	}
	manners, err := p.vendor.hurry(ctx)
	if err != nil {
		return err
	}
	for _, b := range beats() {
		if b.ago > p.From {
			continue
		}
		if err := p.Shift(ctx, -b.ago); err != nil {
			return err
		}
		if err := b.act(ctx, p, b); err != nil {
			return fmt.Errorf("%s, step %s: %w", b.who.name, b.name, err)
		}
	}
	if err := p.vendor.calm(ctx, manners); err != nil {
		return err
	}
	return p.Shift(ctx, 0)
}

// meet finds the agents and numbers that Found has made.
func (p *player) meet(ctx context.Context) error {
	system := inbox.SystemActor(p.Tenant)
	agents, err := p.Inbox.Agents(ctx, system)
	if err != nil {
		return err
	}
	accounts, err := p.Inbox.ChannelAccounts(ctx, system)
	if err != nil {
		return err
	}
	for _, n := range Numbers() {
		i := slices.IndexFunc(accounts, func(a inbox.ChannelAccount) bool { return a.ExternalRef == n.Ref })
		if i < 0 {
			return fmt.Errorf("the number %s is missing", n.Name)
		}
		p.accounts = append(p.accounts, accounts[i])
	}
	p.agents = map[string]inbox.Actor{}
	for _, a := range agents {
		p.agents[a.Name] = agentActor(p.Tenant, a, p.accounts)
	}
	return nil
}

func (p *player) account(c customer) inbox.ChannelAccount { return p.accounts[c.number] }

// conversation returns the newest conversation of the customer.
func (p *player) conversation(ctx context.Context, c customer) (id uuid.UUID, err error) {
	err = p.Store.ReadTenant(ctx, p.Tenant, func(tx outbound.Tx) error {
		contact, err := tx.ContactByPhone(ctx, c.phone)
		if err != nil {
			return err
		}
		id, err = tx.NewestConversation(ctx, contact, p.account(c).ID)
		return err
	})
	return id, err
}

// message reads a message as it is now.
func (p *player) message(ctx context.Context, id uuid.UUID) (m inbox.Message, err error) {
	err = p.Store.ReadTenant(ctx, p.Tenant, func(tx outbound.Tx) error {
		found, err := tx.MessagesByIDs(ctx, []uuid.UUID{id})
		if err == nil && len(found) == 1 {
			m = found[0]
		}
		return err
	})
	return m, err
}

// written returns the agent's message with the text; of two, the one that was written first.
func (p *player) written(ctx context.Context, c customer, text string) (m inbox.Message, err error) {
	id, err := p.conversation(ctx, c)
	if err != nil {
		return m, err
	}
	most := 100
	page, err := p.Inbox.Messages(ctx, inbox.SystemActor(p.Tenant), id, inbox.MessagePageInput{First: &most})
	if err != nil {
		return m, err
	}
	i := slices.IndexFunc(page.Edges, func(e inbox.MessageEdge) bool {
		return e.Node.Direction == inbox.Outbound && e.Node.Text == text
	})
	if i < 0 {
		return m, fmt.Errorf("nobody wrote %q", text)
	}
	return page.Edges[i].Node, nil
}

// until asks again and again until done says so, and returns an error after patience.
func until(ctx context.Context, what string, done func(context.Context) (bool, error)) error {
	const patience, pause = 20 * time.Second, 10 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		ok, err := done(ctx)
		if err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not happen within %v", what, patience)
		case <-tick.C:
		}
	}
}
