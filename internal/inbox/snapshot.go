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

// Snapshot holds the rows that a set of events points to, and those which these point to in turn, as of one moment. A row that is not
// there is absent. It is shared and must not be changed.
type Snapshot struct {
	Conversations map[uuid.UUID]*Conversation
	Messages      map[uuid.UUID]*Message
	Attachments   map[uuid.UUID][]Attachment // by message
	Marks         map[uuid.UUID][]Mark       // by message, oldest first
	Quotes        map[uuid.UUID]*Message     // the message that a message quotes
	Retries       map[uuid.UUID]uuid.UUID    // the message that retries a message
	Contacts      map[uuid.UUID]*Contact     // with identities
	Accounts      map[uuid.UUID]*ChannelAccount
	Agents        map[uuid.UUID]*Agent
	Teams         map[uuid.UUID]*Team
}
