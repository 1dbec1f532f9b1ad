package main

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// The kinds of ids that load.sql makes.
const (
	kindTenant       = 1
	kindAgent        = 3
	kindSession      = 4
	kindTeam         = 5
	kindAccount      = 6
	kindContact      = 7
	kindConversation = 8
	kindMessage      = 9
)

// Tenants of load.sql, by what is measured in them.
const (
	bigTenant       = 1   // 100,000 conversations, 1 million messages
	audienceTenant  = 2   // 600 agents
	smallTenant     = 3   // 1,000 conversations, as have 2 to 11
	pushTenant      = 3   // and the nine after it
	neighbourTenant = 10  // tenant B of P14
	firstEmpty      = 12  // begins without conversations, as do those up to 200
	watchedTenant   = 12  // and the nine after it, which have 25 agents
	unwatchedTenant = 112 // and the nine after it
	firstOfMany     = 201 // 300 conversations, as have those up to 300
	tinyTenant      = 301 // 100 conversations
	middleTenant    = 302 // 10,000 conversations
	limitedTenant   = 303 // 1,000 conversations, and numbers that may send limitedRate messages a second
)

const limitedRate = 20

// id is bench.id of load.sql.
func id(kind, n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("%08x-0000-7000-8000-%012x", kind, n))
}

func tenantID(t int) uuid.UUID          { return id(kindTenant, t) }
func agentID(t, a int) uuid.UUID        { return id(kindAgent, t*1000+a) }
func accountID(t, which int) uuid.UUID  { return id(kindAccount, t*10+which) }
func conversationID(t, c int) uuid.UUID { return id(kindConversation, t*1_000_000+c) }
func messageID(t, c, m int) uuid.UUID   { return id(kindMessage, (t*1_000_000+c)*10+m-1) }

// ref is the provider's key of an account.
func ref(t, which int) string { return fmt.Sprint(1_000_000 + t*10 + which) }

// openUnassigned is the nth conversation that load.sql makes OPEN (c % 10 < 5) and leaves unassigned (c is odd).
func openUnassigned(n int) int { return n/2*10 + 1 + n%2*2 }

// token signs an agent in.
func (p *place) token(t, a int) string {
	token, _, err := p.tokens.Issue(inbox.TenantOf(tenantID(t)), agentID(t, a), id(kindSession, t*1000+a))
	if err != nil {
		panic(err) // the keys are constants
	}
	return token
}

// everybody is how many agents of a tenant take turns, since what one may ask in a minute is limited.
const everybody = 25

// tokensOf signs in the agents of a tenant who take turns.
func (p *place) tokensOf(t int) []string {
	tokens := make([]string, everybody)
	for i := range tokens {
		tokens[i] = p.token(t, i+1)
	}
	return tokens
}
