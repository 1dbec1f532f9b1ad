package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// request is the body of a POST, the payload of a `subscribe` message, or the parameters of a GET.
type request struct {
	Query         *string        `json:"query"`
	OperationName *string        `json:"operationName"`
	Variables     map[string]any `json:"variables"`
	Extensions    map[string]any `json:"extensions"`
}

// decodeRequest returns the parameters in a JSON object, or an Invalid error that names the parameter at fault.
func decodeRequest(body []byte, header http.Header) (*graphql.RawParams, error) {
	if !utf8.Valid(body) {
		return nil, fault.New(fault.Invalid, "the request is not UTF-8")
	}
	var decoded request
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&decoded); err != nil {
		return nil, decodeFault(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Invalid, "the request must be one JSON object with nothing after it")
	}
	return decoded.params(header)
}

func decodeFault(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) && wrongType.Field != "" {
		return fault.BadField(wrongType.Field, "%s has the wrong type: query and operationName are texts, variables and extensions objects",
			wrongType.Field)
	}
	if errors.As(err, &wrongType) {
		return fault.New(fault.Invalid, "the request must be one JSON object; batches are not supported")
	}
	return fault.New(fault.Invalid, "the request is not a JSON object")
}

// reasonOf returns what a client may read of a decoding error.
func reasonOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Message
	}
	return "the request cannot be read"
}

func (r request) params(header http.Header) (*graphql.RawParams, error) {
	_, persisted := r.Extensions["persistedQuery"] // which stands for the text, where the server has a list
	if r.Query == nil && !persisted {
		return nil, fault.BadField("query", "query is missing: send the GraphQL document as a text")
	}
	now := graphql.Now()
	params := &graphql.RawParams{
		Variables: r.Variables, Extensions: r.Extensions, Headers: header,
		ReadTime: graphql.TraceTiming{Start: now, End: now},
	}
	if r.Query != nil {
		params.Query = *r.Query
	}
	if r.OperationName != nil {
		params.OperationName = *r.OperationName
	}
	return params, nil
}

// queryRequest returns the parameters in the address of a GET, or an Invalid error that names the parameter at fault.
func queryRequest(values url.Values, header http.Header) (*graphql.RawParams, error) {
	var r request
	if values.Has("query") {
		query := values.Get("query")
		r.Query = &query
	}
	if values.Has("operationName") {
		name := values.Get("operationName")
		r.OperationName = &name
	}
	for name, into := range map[string]*map[string]any{"variables": &r.Variables, "extensions": &r.Extensions} {
		if text := values.Get(name); text != "" {
			decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
			decoder.UseNumber()
			if decoder.Decode(into) != nil {
				return nil, fault.BadField(name, "%s must be a JSON object", name)
			}
		}
	}
	return r.params(header)
}
