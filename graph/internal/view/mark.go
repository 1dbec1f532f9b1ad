package view

import (
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Reaction is a contact's reaction to a message.
type Reaction struct {
	Emoji string
	At    time.Time
}

// TextUnder returns the message's text under its marks, oldest first: as last edited, and empty once it is deleted.
func (m *Message) TextUnder(marks []inbox.Mark) string {
	text := m.Message.Text
	for _, mark := range marks {
		switch mark.Kind {
		case channel.KindEdit:
			text = mark.Text
		case channel.KindDeletion:
			return ""
		}
	}
	return text
}

// Marked reports whether one of the marks is of the kind.
func Marked(marks []inbox.Mark, kind channel.Kind) bool {
	for _, mark := range marks {
		if mark.Kind == kind {
			return true
		}
	}
	return false
}

// Reactions returns the contact's reaction, which is the newest one unless he took it back.
func Reactions(marks []inbox.Mark) []Reaction {
	reactions := []Reaction{}
	for _, mark := range marks {
		switch {
		case mark.Kind != channel.KindReaction:
		case mark.Text == "":
			reactions = reactions[:0]
		default:
			reactions = append(reactions[:0], Reaction{Emoji: mark.Text, At: mark.CreatedAt})
		}
	}
	return reactions
}
