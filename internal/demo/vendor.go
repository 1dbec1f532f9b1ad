package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// vendor speaks to the simulator as its page does.
type vendor struct {
	base   string
	client *http.Client
}

func newVendor(address string) *vendor {
	return &vendor{base: address, client: &http.Client{Timeout: 10 * time.Second}}
}

// call sends body as JSON and reads the answer into answer, if there is one.
func (v *vendor) call(ctx context.Context, method, path string, body, answer any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, v.base+path, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := v.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("the simulator answers %d: %s", response.StatusCode, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// hurry makes receipts follow at once, and READ only when the customer looks. It returns the manners before.
func (v *vendor) hurry(ctx context.Context) (before json.RawMessage, err error) {
	if err = v.call(ctx, http.MethodGet, "/api/settings", nil, &before); err != nil {
		return nil, err
	}
	return before, v.call(ctx, http.MethodPut, "/api/settings", map[string]any{"sentAfter": 1, "deliveredAfter": 2, "readAfter": -1, "ignoreWindow": true}, nil)
}

// calm restores the manners. Those of an interrupted story would be the hurried ones, hence the fixed values.
func (v *vendor) calm(ctx context.Context, before json.RawMessage) error {
	var manners map[string]any
	if err := json.Unmarshal(before, &manners); err != nil {
		return err
	}
	if after, _ := manners["readAfter"].(float64); after < 0 {
		manners["sentAfter"], manners["deliveredAfter"], manners["readAfter"] = 150, 700, 8000
	}
	manners["ignoreWindow"] = false
	return v.call(ctx, http.MethodPut, "/api/settings", manners, nil)
}

// write makes the customer write, and waits until the business has taken the webhook.
func (v *vendor) write(ctx context.Context, c customer, message map[string]any) error {
	message["account"], message["name"] = Numbers()[c.number].Ref, c.name
	if err := v.call(ctx, http.MethodPost, "/api/customers/"+url.PathEscape(c.phone)+"/messages", message, nil); err != nil {
		return err
	}
	return v.settled(ctx)
}

// look makes the customer open the chat, and waits until the business knows.
func (v *vendor) look(ctx context.Context, c customer) error {
	body := map[string]string{"account": Numbers()[c.number].Ref}
	if err := v.call(ctx, http.MethodPost, "/api/chats/"+url.PathEscape(c.phone)+"/open", body, nil); err != nil {
		return err
	}
	return v.settled(ctx)
}

// misbehave makes the next message to the customer suffer a fault.
func (v *vendor) misbehave(ctx context.Context, c customer, kind string) error {
	return v.call(ctx, http.MethodPost, "/api/faults", map[string]any{"kind": kind, "count": 1, "customer": c.phone}, nil)
}

// behave ends every fault.
func (v *vendor) behave(ctx context.Context) error {
	return v.call(ctx, http.MethodDelete, "/api/faults", nil, nil)
}

// settled waits until every webhook that is due has been taken.
func (v *vendor) settled(ctx context.Context) error {
	return until(ctx, "taking the webhooks", func(ctx context.Context) (bool, error) {
		var outbox struct{ Waiting int }
		err := v.call(ctx, http.MethodGet, "/api/outbox", nil, &outbox)
		return outbox.Waiting == 0, err
	})
}
