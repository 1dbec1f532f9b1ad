package wire

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// HTTP is GraphQL over HTTP: one request, one response. A request must be a POST of JSON, which no page of another site can send
// without being asked for permission first. GET answers questions about the schema only, never with data: an address ends in logs and
// histories.
type HTTP struct {
	*Config
	Events *Events // answers the requests that prefer an event stream
}

var _ graphql.Transport = HTTP{}

// Supports always reports true: what is no upgrade is a request.
func (h HTTP) Supports(*http.Request) bool { return true }

// Do answers the request.
func (h HTTP) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	media := negotiate(r.Header.Values("Accept"), typeJSON, typeGraphQL, typeEvents)
	switch {
	case media == "":
		h.refuse(w, r, http.StatusNotAcceptable, typeJSON, fault.New(fault.Invalid,
			"nothing acceptable: accept application/graphql-response+json, application/json or text/event-stream"))
	case r.Method == http.MethodPost:
		h.post(w, r, exec, media)
	case r.Method == http.MethodGet && media != typeEvents:
		h.get(w, r, exec, media)
	default:
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(w, r, http.StatusMethodNotAllowed, typeJSON, fault.New(fault.Invalid, "send the operation by POST"))
	}
}

func (h HTTP) post(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, media string) {
	params, status, err := h.read(w, r)
	if err != nil {
		h.refuse(w, r, status, media, err)
		return
	}
	if media == typeEvents {
		h.Events.serve(w, r, exec, params)
		return
	}
	op, refused := prepare(r.Context(), exec, params)
	if refused == nil && isSubscription(op) {
		refused = gqlerror.List{h.Present(r.Context(), fault.New(fault.Invalid,
			"a subscription needs a WebSocket, or a POST that accepts text/event-stream"))}
	}
	if refused != nil {
		h.write(w, requestErrorStatus(media), media, encode(&graphql.Response{Errors: refused}))
		return
	}
	h.answer(w, r, exec, op, media)
}

// answer runs the operation. That it had no turn is told by the status too, which every program between understands.
func (h HTTP) answer(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, op *graphql.OperationContext, media string) {
	text, ran := h.Config.answer(r.Context(), exec, op)
	status := http.StatusOK
	if !ran {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	h.write(w, status, media, text)
}

func (h HTTP) get(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, media string) {
	params, err := queryRequest(r.URL.Query(), r.Header)
	if err != nil {
		h.refuse(w, r, http.StatusBadRequest, media, err)
		return
	}
	op, refused := prepare(r.Context(), exec, params)
	switch {
	case refused != nil:
		h.write(w, requestErrorStatus(media), media, encode(&graphql.Response{Errors: refused}))
	case !onlyAboutTheSchema(op):
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(w, r, http.StatusMethodNotAllowed, media, fault.New(fault.Invalid, "send the operation by POST; GET reads no data"))
	default:
		h.answer(w, r, exec, op, media)
	}
}

// read returns the parameters of a POST, or the status and the error to answer with.
func (h HTTP) read(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, int, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || media != typeJSON || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, http.StatusUnsupportedMediaType, fault.New(fault.Invalid, "send the operation as application/json in UTF-8")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.Limits.Body))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, http.StatusRequestEntityTooLarge, fault.New(fault.Invalid, "a request holds at most %d bytes", h.Limits.Body)
	}
	if err != nil {
		return nil, http.StatusBadRequest, fault.Wrap(fault.Invalid, err, "the request could not be read to its end")
	}
	decoded, err := decodeRequest(body, r.Header)
	return decoded, http.StatusBadRequest, err
}

// refuse answers a request that is no well-formed GraphQL request.
func (h HTTP) refuse(w http.ResponseWriter, r *http.Request, status int, media string, err error) {
	if media == typeEvents {
		media = typeJSON
	}
	h.write(w, status, media, encode(&graphql.Response{Errors: gqlerror.List{h.Present(r.Context(), err)}}))
}

// requestErrorStatus is 400 in the new media type and 200 in the old one, whose readers take any other status for a proxy's answer.
func requestErrorStatus(media string) int {
	if media == typeGraphQL {
		return http.StatusBadRequest
	}
	return http.StatusOK
}
