package wire

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// envelope is a response without `data` when the operation was never executed, as the specification asks.
type envelope struct {
	Errors     gqlerror.List   `json:"errors,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
	Extensions map[string]any  `json:"extensions,omitempty"`
}

func encode(response *graphql.Response) []byte {
	if len(response.Errors) == 0 && len(response.Extensions) == 0 && len(response.Data) > 0 {
		return slices.Concat([]byte(`{"data":`), response.Data, []byte{'}'}) // it is JSON already, and long
	}
	encoded, err := json.Marshal(envelope{Errors: response.Errors, Data: response.Data, Extensions: response.Extensions})
	if err != nil {
		// Nothing above is unencodable; if that ever changes, a client gets a valid answer all the same.
		return []byte(`{"errors":[{"message":"the response could not be written","extensions":{"code":"INTERNAL"}}]}`)
	}
	return encoded
}

// prepare parses, validates and limits an operation. When it may not run, it returns the errors as a client may see them.
func prepare(ctx context.Context, exec graphql.GraphExecutor, params *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	op, refused := exec.CreateOperationContext(ctx, params)
	if len(refused) == 0 {
		return op, nil
	}
	return nil, exec.DispatchError(graphql.WithOperationContext(ctx, op), refused).Errors
}

// MaxAnswer is how many bytes an answer, or an item of a subscription, may have.
const MaxAnswer = 4 << 20

// answer performs a query or mutation and returns what its client is told. It reports false when the operation was not run.
func (c *Config) answer(ctx context.Context, exec graphql.GraphExecutor, op *graphql.OperationContext) (text []byte, ran bool) {
	response, ran := c.perform(ctx, exec, op)
	if text = encode(response); len(text) > MaxAnswer {
		shown := c.Present(graphql.WithOperationContext(ctx, op), tooLarge(op, len(response.Errors) == 0))
		text = encode(&graphql.Response{Data: json.RawMessage("null"), Errors: gqlerror.List{shown}})
	}
	return text, ran
}

func tooLarge(op *graphql.OperationContext, succeeded bool) error {
	text := "the answer is larger than %d bytes; ask for less at a time"
	if op.Operation.Operation == ast.Mutation && succeeded {
		text = "this was carried out, but the answer is larger than %d bytes; ask for less"
	}
	return &fault.Error{
		Code: fault.Invalid, Message: fmt.Sprintf(text, MaxAnswer), Details: map[string]any{"limit": "answer bytes", "most": MaxAnswer},
	}
}

// perform runs a query or mutation within the time it may take, when it is its turn; it reports false when it was not run because too many
// others wait. A panic outside the resolvers, which have their own guard, becomes an error of this operation instead of the end of its
// connection.
func (c *Config) perform(ctx context.Context, exec graphql.GraphExecutor, op *graphql.OperationContext) (response *graphql.Response, ran bool) {
	crowd := c.crowd
	if c.Apart != nil && c.Apart(op) {
		crowd = c.apart
	}
	if err := crowd.enter(ctx); err != nil {
		return &graphql.Response{Errors: gqlerror.List{c.Present(graphql.WithOperationContext(ctx, op), err)}}, false
	}
	defer crowd.leave()
	return c.run(ctx, exec, op), true
}

func (c *Config) run(ctx context.Context, exec graphql.GraphExecutor, op *graphql.OperationContext) (response *graphql.Response) {
	ctx, cancel := context.WithTimeout(ctx, c.Limits.OperationTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			response = &graphql.Response{Errors: gqlerror.List{c.Present(ctx, fault.Panicked(p))}}
		}
	}()
	respond, ctx := exec.DispatchOperation(ctx, op)
	if response = respond(ctx); response == nil {
		response = &graphql.Response{Errors: gqlerror.List{c.Present(ctx, context.Cause(ctx))}}
	}
	return response
}

func isSubscription(op *graphql.OperationContext) bool {
	return op.Operation.Operation == ast.Subscription
}

// onlyAboutTheSchema reports whether a query reads nothing but the schema's own fields, such as __typename.
func onlyAboutTheSchema(op *graphql.OperationContext) bool {
	if op.Operation.Operation != ast.Query {
		return false
	}
	for _, field := range graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Query"}) {
		if len(field.Name) < 2 || field.Name[:2] != "__" {
			return false
		}
	}
	return true
}

// write answers a request, unless its reader is too slow.
func (c *Config) write(w http.ResponseWriter, status int, mediaType string, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Content-Type", mediaType+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = c.send(w, body)
}

// send writes the text in parts. It returns an error when the reader does not take a part within the time for one message, or all of it within
// the time for an answer: who stops reading is given up soon, and who reads slowly is not waited for without end.
func (c *Config) send(w http.ResponseWriter, text []byte) error {
	out, end := http.NewResponseController(w), time.Now().Add(c.Limits.AnswerTimeout)
	for part := range slices.Chunk(text, batch) {
		until := time.Now().Add(c.Limits.WriteTimeout)
		if until.After(end) {
			until = end
		}
		_ = out.SetWriteDeadline(until) // without a connection underneath, as in tests, there is nobody to wait for
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}
