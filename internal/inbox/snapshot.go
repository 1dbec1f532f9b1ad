package inbox

import "github.com/google/uuid"

// EventPage is a stretch of a tenant's events with what those that were asked for point to, all read in one unchanging snapshot.
type EventPage struct {
	Events []Event // in order of Seq
	Head   int64   // the newest committed event
	Epoch  string  // of the numbering
	// Snapshot is what the wanted events point to; nil when none was wanted.
	Snapshot *Snapshot
}

// Reach says how much of what events point to is read.
type Reach struct {
	Conversations bool
	Beside             // what the conversations point to
	Messages      bool // with all that they and the conversations point to
}

// WholeReach returns the reach of those who need everything.
func WholeReach() Reach {
	return Reach{
		Conversations: true, Messages: true,
		Beside: Beside{Contacts: true, Identities: true, Accounts: true, Assignees: true, Teams: true},
	}
}

// And returns the reach of those who need the one and those who need the other.
func (r Reach) And(other Reach) Reach {
	if r.Messages || other.Messages {
		return WholeReach()
	}
	return Reach{
		Conversations: r.Conversations || other.Conversations,
		Beside: Beside{
			Contacts: r.Contacts || other.Contacts, Identities: r.Identities || other.Identities, Accounts: r.Accounts || other.Accounts,
			Assignees: r.Assignees || other.Assignees, Teams: r.Teams || other.Teams,
		},
	}
}

// Holds reports whether it is enough for those who need the other.
func (r Reach) Holds(other Reach) bool { return r.And(other) == r }

// Want tells how much of what the event points to is needed; wanted is false for an event that nobody asks for.
type Want func(e *Event) (reach Reach, wanted bool)

// Snapshot holds the rows that a set of events points to, and those which these point to in turn, as of one moment and as far as it reaches. A
// row that is not there is absent. It is shared and must not be changed.
type Snapshot struct {
	Reach         Reach
	Conversations map[uuid.UUID]*Conversation
	Messages      map[uuid.UUID]*Message
	Attachments   map[uuid.UUID][]Attachment // by message
	Marks         map[uuid.UUID][]Mark       // by message: the newest of each kind, oldest first
	Quotes        map[uuid.UUID]*Message     // the message that a message quotes
	Retries       map[uuid.UUID]uuid.UUID    // the message that retries a message
	Contacts      map[uuid.UUID]*Contact     // with identities
	Accounts      map[uuid.UUID]*ChannelAccount
	Agents        map[uuid.UUID]*Agent
	Teams         map[uuid.UUID]*Team
}
