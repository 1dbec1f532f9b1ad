package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// The types of message of graphql-transport-ws.
const (
	messageInit      = "connection_init"
	messageAck       = "connection_ack"
	messagePing      = "ping"
	messagePong      = "pong"
	messageSubscribe = "subscribe"
	messageNext      = "next"
	messageError     = "error"
	messageComplete  = "complete"
)

const maxOperationID = 255

// message is what a client sends.
type message struct {
	Type    string
	ID      string
	Payload json.RawMessage // an object, or nothing
}

// parseMessage returns the message in a frame. Its error is the reason of a 4400 close.
func parseMessage(data []byte) (message, error) {
	var raw struct {
		Type    *string         `json:"type"`
		ID      *string         `json:"id"`
		Payload json.RawMessage `json:"payload"`
	}
	if !utf8.Valid(data) || json.Unmarshal(data, &raw) != nil || raw.Type == nil {
		return message{}, fmt.Errorf("Invalid message received")
	}
	m := message{Type: *raw.Type}
	if payload := bytes.TrimSpace(raw.Payload); len(payload) > 0 && !bytes.Equal(payload, []byte("null")) {
		m.Payload = payload
	}
	if m.Payload != nil && m.Payload[0] != '{' {
		return message{}, fmt.Errorf("Invalid message received: payload must be an object")
	}
	if raw.ID != nil {
		m.ID = *raw.ID
	}
	return m, m.check()
}

func (m message) check() error {
	switch m.Type {
	case messageSubscribe, messageComplete:
		if m.ID == "" || len(m.ID) > maxOperationID {
			return fmt.Errorf("Invalid message received: %s needs an id of 1 to %d bytes", m.Type, maxOperationID)
		}
		if m.Type == messageSubscribe && m.Payload == nil {
			return fmt.Errorf("Invalid message received: subscribe needs a payload")
		}
	case messageInit, messagePing, messagePong:
	default:
		return fmt.Errorf("Unexpected message of type %s received", shorten(m.Type, 40))
	}
	return nil
}

// initOf returns the credentials in the payload of connection_init: `authorization` ("Bearer …") or `apiKey`. Its error is the reason
// of a 4400 close.
func initOf(payload json.RawMessage) (Init, error) {
	var raw struct {
		Authorization *string `json:"authorization"`
		APIKey        *string `json:"apiKey"`
	}
	if payload == nil {
		return Init{}, nil
	}
	if json.Unmarshal(payload, &raw) != nil {
		return Init{}, fmt.Errorf("Invalid connection_init payload: authorization and apiKey are texts")
	}
	var init Init
	if raw.Authorization != nil {
		const scheme = "Bearer "
		if len(*raw.Authorization) <= len(scheme) || (*raw.Authorization)[:len(scheme)] != scheme {
			return Init{}, fmt.Errorf("Invalid connection_init payload: authorization is \"Bearer\" and a token")
		}
		init.Bearer = (*raw.Authorization)[len(scheme):]
	}
	if raw.APIKey != nil {
		init.APIKey = *raw.APIKey
	}
	return init, nil
}

// nextHead and nextTail stand around the response in a next message; the response itself is not copied.
func nextHead(id string) string {
	encoded, _ := json.Marshal(id) // a text always encodes
	return `{"id":` + string(encoded) + `,"type":"next","payload":`
}

const nextTail = "}"

func completeMessage(id string) []byte {
	encoded, _ := json.Marshal(map[string]string{"id": id, "type": messageComplete})
	return encoded
}

func errorMessage(id string, errs gqlerror.List) []byte {
	encoded, err := json.Marshal(map[string]any{"id": id, "type": messageError, "payload": errs})
	if err != nil {
		encoded, _ = json.Marshal(map[string]any{"id": id, "type": messageError, "payload": []map[string]string{{"message": "internal error"}}})
	}
	return encoded
}

// pongMessage answers a ping with its own payload.
func pongMessage(payload json.RawMessage) []byte {
	if payload == nil {
		return []byte(`{"type":"pong"}`)
	}
	return append(append([]byte(`{"type":"pong","payload":`), payload...), '}')
}
