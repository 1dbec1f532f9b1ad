package channeltest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// echo is a whole provider for a vendor that does not exist: it accepts every message at once, and its webhooks are signed lines of
// JSON. A real one differs in that Send makes a call; package meta is the model.
type echo struct{}

func (echo) Kind() string { return "echo" }

func (echo) Send(_ context.Context, a channel.Account, m channel.Outbound) (channel.Receipt, error) {
	if m.To.Phone == "" {
		return channel.Receipt{}, &channel.SendError{Class: channel.InvalidRecipient, Code: "no_phone", Reason: "The contact has no phone number."}
	}
	return channel.Receipt{ExternalID: a.ExternalRef + "/" + m.AttemptID, Recipient: m.To.Phone}, nil
}

func (echo) Receive(_ context.Context, e channel.Endpoint, r channel.Request) ([]channel.Item, error) {
	if !e.VerifySHA256(r.Body, r.Header.Get("X-Echo-Signature")) {
		return nil, channel.ErrSignature // first, and over the raw bytes
	}
	var batch []json.RawMessage
	if err := json.Unmarshal(r.Body, &batch); err != nil {
		return nil, channel.ErrMalformed // only the envelope can fail as a whole
	}
	items := make([]channel.Item, 0, len(batch))
	for _, raw := range batch {
		items = append(items, readEcho(raw))
	}
	return items, nil
}

func readEcho(raw json.RawMessage) channel.Item {
	var m struct{ ID, To, From, Text string }
	if err := channel.DecodeJSON(raw, &m); err != nil {
		return channel.Item{Raw: raw, Reason: err.Error()} // one bad item, and its siblings live
	}
	return channel.Item{AccountRef: m.To, Key: m.ID, Raw: raw, Event: channel.Inbound{
		ExternalID: m.ID, From: channel.Sender{Phone: m.From}, Kind: channel.KindText, Text: m.Text}}
}

func Example() {
	endpoint := channel.NewEndpoint("endpoint", nil, []byte("secret"))
	body := []byte(`[{"id":"1","to":"shop","from":"+15550100301","text":"Hello"},{"id":2}]`)
	request := channel.Request{Body: body, Header: http.Header{"X-Echo-Signature": {channel.SignSHA256([]byte("secret"), body)}}}
	items, err := echo{}.Receive(context.Background(), endpoint, request)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, item := range items {
		if in, ok := item.Event.(channel.Inbound); ok {
			fmt.Println(item.AccountRef, in.From.Phone, in.Text)
		} else {
			fmt.Println(item.Reason)
		}
	}
	_, err = echo{}.Receive(context.Background(), channel.UnknownEndpoint(), request)
	fmt.Println(err)
	// Output:
	// shop +15550100301 Hello
	// channel: malformed body: ID has the wrong type
	// channel: signature does not match
}
