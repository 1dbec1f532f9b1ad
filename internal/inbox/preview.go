package inbox

import (
	"strings"
	"unicode/utf8"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// previewLength is the longest preview, in characters.
const previewLength = 120

// Preview returns how a list shows the message: the beginning of its text on one line, or what it is when it has no text.
func Preview(m *Message) string {
	text := m.Text
	if utf8.RuneCountInString(text) > 8*previewLength {
		text = string([]rune(text)[:8*previewLength])
	}
	text = strings.Join(strings.Fields(text), " ")
	if m.Kind == channel.KindReaction && text != "" {
		text = "Reacted " + text
	}
	if text == "" {
		text = strings.Join(strings.Fields(wordFor(m)), " ")
	}
	if r := []rune(text); len(r) > previewLength {
		text = string(r[:previewLength-1]) + "…"
	}
	return text
}

// wordFor names a message that has no text.
func wordFor(m *Message) string {
	c := m.Content
	switch {
	case c.Reply != nil && c.Reply.Title != "":
		return c.Reply.Title
	case c.Location != nil && c.Location.Name != "":
		return c.Location.Name
	case len(c.Contacts) > 0 && c.Contacts[0].Name != "":
		return c.Contacts[0].Name
	case c.Template != nil:
		return "Template " + c.Template.Name
	case m.Kind == channel.KindDocument && c.Media != nil && c.Media.Filename != "":
		return c.Media.Filename
	case m.Kind == channel.KindAudio && c.Media != nil && c.Media.Voice:
		return "Voice message"
	}
	if word, ok := kindWords()[m.Kind]; ok {
		return word
	}
	if c.Label != "" {
		return "Message of type " + c.Label
	}
	return "Message"
}

func kindWords() map[channel.Kind]string {
	return map[channel.Kind]string{
		channel.KindImage: "Picture", channel.KindAudio: "Audio", channel.KindVideo: "Video", channel.KindDocument: "Document",
		channel.KindSticker: "Sticker", channel.KindLocation: "Location", channel.KindContacts: "Contact",
		channel.KindInteractive: "Answer", channel.KindOrder: "Order", channel.KindSystem: "Notice of the provider",
		channel.KindReaction: "Reaction taken back", channel.KindEdit: "Edited message", channel.KindDeletion: "Deleted message",
	}
}
