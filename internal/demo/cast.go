// Package demo fills a new installation with a business and its conversations, so that whoever starts it for the first time sees how it
// feels. Nothing is written past the product: customers write through the simulator's signed webhooks, agents through the use cases,
// messages through their lanes, receipts through webhooks. Only the clock is turned back, so that there is a past.
//
// Imports: channel, fault, inbox, outbound.
package demo

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// The business and how to sign in to it.
const (
	Tenant   = "demo"
	Password = "switchboard-demo"
)

// Person is an agent of the demo.
type Person struct {
	Name  string     `json:"name"`
	Email string     `json:"email"`
	Role  inbox.Role `json:"role"`
	teams []string
}

const (
	support = "Support"
	sales   = "Sales"
)

// People returns who can sign in.
func People() []Person {
	return []Person{
		{Name: "Mira", Email: "mira@demo.example", Role: inbox.RoleAgent, teams: []string{support}},
		{Name: "Jonas", Email: "jonas@demo.example", Role: inbox.RoleSupervisor, teams: []string{support, sales}},
		{Name: "Amara", Email: "amara@demo.example", Role: inbox.RoleAdmin, teams: []string{support, sales}},
	}
}

// Number is a WhatsApp number of the demo.
type Number struct {
	Ref   string // Meta's phone_number_id
	Phone string
	Name  string
	team  string
}

// Numbers returns the business's WhatsApp numbers. The second one has a webhook address of its own; the first uses the app's.
func Numbers() []Number {
	return []Number{
		{Ref: "105540000000001", Phone: "+15550100001", Name: "Help line", team: support},
		{Ref: "105540000000002", Phone: "+15550100002", Name: "Shop", team: sales},
	}
}

// AccessToken returns what Meta would have issued for the number.
func (n Number) AccessToken() string { return "demo-" + n.Ref }

// Credentials returns what is stored with a number: Meta's access token, and the secret and token of its own webhook address.
func (n Number) Credentials(appSecret, verifyToken string) []byte {
	// Only text, so it cannot fail.
	encoded, _ := json.Marshal(map[string]string{"accessToken": n.AccessToken(), "appSecret": appSecret, "verifyToken": verifyToken})
	return encoded
}

// Found makes the business, its teams, agents and numbers, as far as they are not there yet.
func Found(ctx context.Context, operator *inbox.Operator, appSecret, verifyToken string) error {
	_, err := operator.CreateTenant(ctx, inbox.CreateTenantInput{Slug: Tenant, Name: "Harbour & Pine", ReopenWithinDays: 7, ReopenKeepsAssignee: true})
	problems := []error{there(err)}
	for _, name := range []string{support, sales} {
		_, err := operator.CreateTeam(ctx, Tenant, name)
		problems = append(problems, there(err))
	}
	for _, p := range People() {
		_, err := operator.CreateAgent(ctx, inbox.CreateAgentInput{
			Tenant: Tenant, Name: p.Name, Email: p.Email, Role: p.Role, Teams: p.teams, Password: Password,
		})
		problems = append(problems, there(err))
	}
	for _, n := range Numbers() {
		settings, err := json.Marshal(map[string]string{"displayPhone": n.Phone})
		if err != nil {
			return err
		}
		_, err = operator.CreateChannelAccount(ctx, inbox.CreateChannelAccountInput{
			Tenant: Tenant, Channel: inbox.ChannelWhatsApp, Provider: "meta", ExternalRef: n.Ref, Name: n.Name, Team: n.team,
			Settings: settings, Credentials: n.Credentials(appSecret, verifyToken),
		})
		problems = append(problems, there(err))
	}
	return errors.Join(problems...)
}

// there forgives what exists already: an earlier, interrupted start made it.
func there(err error) error {
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// customer is somebody who writes to the business. The numbers are of ranges that are kept for fiction.
type customer struct {
	name, phone string
	number      int // which of Numbers
}

// agentActor returns the agent as signing in would make him.
func agentActor(tenant inbox.TenantID, a inbox.Agent, accounts []inbox.ChannelAccount) inbox.Actor {
	ids := make([]uuid.UUID, len(accounts))
	for i, account := range accounts {
		ids[i] = account.ID
	}
	return inbox.AgentActor(tenant, a.ID, uuid.Nil, a.Role, ids)
}
