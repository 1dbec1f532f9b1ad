package httpd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const (
	// maxWebhook is the largest body that is read: what Meta sends at most, and some slack.
	maxWebhook = 4 << 20
	// ingestTimeout is how long a provider waits for our answer at most. What is being stored then is stored, and answered afterwards.
	ingestTimeout = 25 * time.Second
	// Callers that prove nothing: a burst, and then so many a second from one network.
	forgedRate, forgedBurst = 20, 512
	// Proven callers of one address, where WebhookConfig does not say otherwise.
	endpointRate = 10_000
	// Proven webhooks that are stored at a time: as many as are committed within a second where it is slow. More would only wait longer.
	ingestMost = 1024
)

// WebhookConfig says what the webhook addresses work with. All but Apps and Rate are required.
type WebhookConfig struct {
	Providers *channel.Registry
	Directory inbox.Directory
	Accounts  AccountOpener
	Ingest    Ingester
	// Apps are the addresses that a whole app shares, by provider: /webhooks/{provider}.
	Apps  map[string]channel.Endpoint
	Rate  float64 // authentic webhooks a second that one address may bring; 10,000 when 0
	Clock func() time.Time
	Log   *slog.Logger
}

// AccountOpener opens the credentials of an account. inbox.Vault is one.
type AccountOpener interface {
	// OpenAccount returns the account, at most 30 seconds old; NotFound when there is none.
	OpenAccount(ctx context.Context, route inbox.Route) (inbox.Opened, error)
}

// Ingester stores what webhooks report. inbox.Ingest is one.
type Ingester interface {
	// Ingest returns one answer for each request: nil once everything of it is committed. Nothing of the requests is held once it returns.
	Ingest(ctx context.Context, requests []inbox.Request) []error
}

// webhooks serves /webhooks/{provider} and /webhooks/{provider}/{endpoint}.
type webhooks struct {
	WebhookConfig
	endpoints *endpoints
	forged    *buckets // by network, before the signature
	proven    *buckets // by address, after it
	bodies    *bodies
	places    chan struct{} // one for each webhook that is being stored
}

// NewWebhooks returns the handler of everything under /webhooks/. A request that is not authentic is answered as if the address did not
// exist, whatever is wrong with it.
func NewWebhooks(config WebhookConfig) http.Handler {
	if config.Rate == 0 {
		config.Rate = endpointRate
	}
	return &webhooks{
		WebhookConfig: config, endpoints: newEndpoints(config),
		forged: newBuckets(forgedRate, forgedBurst, config.Clock), proven: newBuckets(config.Rate, config.Rate, config.Clock),
		bodies: newBodies(), places: make(chan struct{}, ingestMost),
	}
}

// ServeHTTP answers a provider: 200 once everything is committed, 503 when it shall come again.
func (h *webhooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET, POST")
		writeProblem(w, r, http.StatusMethodNotAllowed, fault.New(fault.Invalid, "webhooks are sent by POST"))
		return
	}
	network := auth.NetworkOf(r.RemoteAddr)
	if wait, ok := h.forged.take(network); !ok {
		h.shed(w, r, wait)
		return
	}
	request := channel.Request{Method: r.Method, Query: r.URL.Query(), Header: r.Header}
	if r.Method == http.MethodPost {
		counted := &body{Reader: http.MaxBytesReader(w, r.Body, maxWebhook), of: h.bodies, network: network}
		defer counted.release()
		body, err := io.ReadAll(counted)
		if err != nil {
			h.unread(w, r, err)
			return
		}
		request.Body = body
	}
	_ = faultpoint.Point("in.read")
	path := pathOf(r)
	provider, _ := h.Providers.Provider(path.provider) // nil for one that is not known
	found, err := h.endpoints.find(r.Context(), provider, path)
	if err != nil {
		writeError(w, r, h.Log, asUnavailable(err))
		return
	}
	genuine := func() { h.forged.give(network) }
	if r.Method == http.MethodGet {
		h.challenge(w, r, provider, found, request, genuine)
		return
	}
	h.receive(w, r, provider, found, request, genuine)
}

// receive authenticates a webhook, stores what it reports, and answers.
func (h *webhooks) receive(w http.ResponseWriter, r *http.Request, provider channel.Provider, at endpoint, request channel.Request, genuine func()) {
	if provider == nil {
		at.keys.VerifySHA256(request.Body, "") // what a known provider's address costs
		h.refuse(w, r)
		return
	}
	items, err := provider.Receive(r.Context(), at.keys, request)
	if errors.Is(err, channel.ErrSignature) {
		h.refuse(w, r)
		return
	}
	genuine()
	switch {
	case errors.Is(err, channel.ErrMalformed):
		writeError(w, r, h.Log, fault.BadField("body", "the body cannot be read: %s", strings.TrimPrefix(err.Error(), channel.ErrMalformed.Error()+": ")))
		return
	case err != nil:
		writeError(w, r, h.Log, asUnavailable(err))
		return
	}
	leave, wait := h.admit(at)
	if leave == nil {
		h.shed(w, r, wait)
		return
	}
	defer leave()
	_ = faultpoint.Point("in.verified")
	// The provider may hang up; what it told us is stored all the same, or not at all.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), ingestTimeout)
	defer cancel()
	err = h.Ingest.Ingest(ctx, []inbox.Request{{Provider: provider.Kind(), Endpoint: at.route, Items: items}})[0]
	switch {
	case errors.Is(err, inbox.ErrForeign):
		h.Log.WarnContext(r.Context(), "a webhook names accounts that are not its address's", "provider", provider.Kind(), "tenant", at.route.Tenant.String())
		h.refuse(w, r)
	case err != nil:
		writeError(w, r, h.Log, err)
	default:
		_ = faultpoint.Point("in.before_200")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		_ = faultpoint.Point("in.after_200")
	}
}

// admit gives a proven webhook a place among those that are being stored, or returns nil and when to come again.
func (h *webhooks) admit(at endpoint) (leave func(), wait time.Duration) {
	if wait, ok := h.proven.take(at.name); !ok {
		return nil, wait
	}
	select {
	case h.places <- struct{}{}:
		return func() { <-h.places }, 0
	default:
		return nil, time.Second
	}
}

// challenge answers a provider that asks whether the address is ours.
func (h *webhooks) challenge(w http.ResponseWriter, r *http.Request, provider channel.Provider, at endpoint, request channel.Request, genuine func()) {
	challenger, ok := provider.(channel.Challenger)
	if !ok {
		at.keys.VerifyToken("")
		h.refuse(w, r)
		return
	}
	answer, err := challenger.Challenge(r.Context(), at.keys, request)
	if err != nil {
		h.refuse(w, r)
		return
	}
	genuine()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(answer)
}

// refuse is the one answer to an address that does not exist, a disabled account, a wrong signature or token, and another tenant's items.
func (h *webhooks) refuse(w http.ResponseWriter, r *http.Request) {
	writeError(w, r, h.Log, fault.New(fault.NotFound, "there is no such webhook address"))
}

// shed turns a caller away who shall come again.
func (h *webhooks) shed(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	writeError(w, r, h.Log, &fault.Error{Code: fault.Unavailable, Message: "too many webhooks at once; deliver it again", RetryAfter: max(wait, time.Second)})
}

// unread answers a body that could not be read as a whole.
func (h *webhooks) unread(w http.ResponseWriter, r *http.Request, err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		w.Header().Set("Connection", "close")
		writeProblem(w, r, http.StatusRequestEntityTooLarge, fault.BadField("body", "the body is larger than 4 MB"))
		return
	}
	if errors.Is(err, errFull) {
		w.Header().Set("Connection", "close")
		h.shed(w, r, time.Second)
		return
	}
	writeError(w, r, h.Log, fault.Wrap(fault.Unavailable, err, "the body did not arrive; deliver it again"))
}

func asUnavailable(err error) error {
	if fault.Is(err, fault.Unavailable) {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, "the webhook could not be read now; deliver it again")
}
