package meta

import (
	"encoding/json"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// readInteractive reads the answer to a button, a list or a form. An answer of a kind that is not known keeps its object as the form.
func readInteractive(raw channel.JSON, out *channel.Inbound) error {
	var v struct {
		Type string `json:"type"`
	}
	if err := decode("interactive", raw, &v); err != nil {
		return err
	}
	if v.Type == "" {
		return malformed("interactive.type is missing")
	}
	body, err := object(raw)
	if err != nil {
		return err
	}
	answer := body[v.Type]
	reply := &channel.Reply{Type: clip(v.Type, 64)}
	out.Kind, out.Content.Reply = channel.KindInteractive, reply
	switch v.Type {
	case "button_reply", "list_reply":
		err = readChoice(v.Type, answer, reply)
		out.Text = reply.Title
	case "nfm_reply":
		out.Text, err = readForm(answer, reply)
	default:
		reply.Form = json.RawMessage(answer)
	}
	return err
}

func readChoice(name string, raw channel.JSON, reply *channel.Reply) error {
	var v struct {
		ID          string `json:"id"`
		Title       string `json:"title"`
		Description string `json:"description"`
	}
	if err := decode("interactive."+name, raw, &v); err != nil {
		return err
	}
	reply.ID, reply.Title, reply.Description = v.ID, v.Title, v.Description
	return nil
}

// readForm reads the answers of a flow, which come as JSON within a string. Answers that are no JSON are kept as that string.
func readForm(raw channel.JSON, reply *channel.Reply) (string, error) {
	var v struct {
		Name     string `json:"name"`
		Body     string `json:"body"`
		Response string `json:"response_json"`
	}
	if err := decode("interactive.nfm_reply", raw, &v); err != nil {
		return "", err
	}
	reply.Title = v.Name
	if v.Response == "" {
		return v.Body, nil
	}
	if response, err := channel.ReadJSON([]byte(v.Response)); err == nil && response.Check() == nil {
		reply.Form = json.RawMessage(response.Clean())
		return v.Body, nil
	}
	form, err := json.Marshal(v.Response)
	reply.Form = form
	return v.Body, err
}

// readButton reads a tap on a quick-reply button of a template.
func readButton(raw channel.JSON, out *channel.Inbound) error {
	var v struct {
		Text    string `json:"text"`
		Payload string `json:"payload"`
	}
	if err := decode("button", raw, &v); err != nil {
		return err
	}
	out.Kind, out.Text = channel.KindInteractive, v.Text
	out.Content.Reply = &channel.Reply{Type: "button", ID: v.Payload, Title: v.Text}
	return nil
}

// readReaction reads a reaction; one without an emoji takes the earlier one back.
func readReaction(raw channel.JSON, out *channel.Inbound) error {
	var v struct {
		MessageID string `json:"message_id"`
		Emoji     string `json:"emoji"`
	}
	if err := decode("reaction", raw, &v); err != nil {
		return err
	}
	out.Kind, out.Text = channel.KindReaction, v.Emoji
	return target("reaction.message_id", v.MessageID, out)
}

// readEdit reads the new form of an earlier message.
func readEdit(raw channel.JSON, out *channel.Inbound) error {
	var v struct {
		Original string          `json:"original_message_id"`
		Message  json.RawMessage `json:"message"`
	}
	if err := decode("edit", raw, &v); err != nil {
		return err
	}
	var inner inbound
	if err := decode("edit.message", channel.JSON(v.Message), &inner); err != nil {
		return err
	}
	if inner.Type == "edit" || inner.Type == "revoke" {
		return malformed("edit.message is not a message")
	}
	if err := inner.readContent(channel.JSON(v.Message), out); err != nil {
		return err
	}
	out.Kind = channel.KindEdit
	return target("edit.original_message_id", v.Original, out)
}

// readRevoke reads that the customer deleted a message for everybody.
func readRevoke(raw channel.JSON, out *channel.Inbound) error {
	var v struct {
		Original string `json:"original_message_id"`
	}
	if err := decode("revoke", raw, &v); err != nil {
		return err
	}
	out.Kind = channel.KindDeletion
	return target("revoke.original_message_id", v.Original, out)
}

func target(name, id string, out *channel.Inbound) error {
	if id == "" || len(id) > maxID {
		return malformed("%s is missing or too long", name)
	}
	out.Target = id
	return nil
}
