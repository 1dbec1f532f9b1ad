// Package simulator plays Meta's WhatsApp Cloud API and the customers behind it. It takes the calls of the real provider over HTTP,
// answers them as the Graph API does, and posts signed webhooks; a page lets a person be the customer, and a JSON API lets a
// test. Faults are chosen on either. It shares no code with the product, so that it checks the product instead of agreeing
// with it.
//
// Where to look: graph.go answers calls, receipts.go decides what follows a call, outbox.go posts webhooks until they are taken,
// journal.go keeps all of it across a kill, fault.go is the list of faults, api.go and page/ are for people and tests.
//
// Imports: the standard library only.
package simulator

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Config says whom the simulator plays. The zero value is a vendor that nobody has an account with yet; accounts can be added by API.
type Config struct {
	// Accounts are the business numbers it knows. More can be added by PUT /api/accounts/{phoneNumberId}.
	Accounts []Account
	// Customers are people whose phones are at hand on the page. Others appear when they write or are written to.
	Customers []Customer
	// CallbackURL and AppSecret are used for accounts that name none of their own: the app's shared webhook.
	CallbackURL string
	AppSecret   string
	// StateDir keeps chats, calls and undelivered webhooks; nothing is kept when it is empty.
	StateDir string
	Settings Settings // of the first start, later ones keep what was chosen; the zero value means the defaults
	Log      *slog.Logger
	// Client posts webhooks; one with a timeout of 20 s when nil.
	Client *http.Client
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Account is one business number, as its owner at Meta would see it.
type Account struct {
	PhoneNumberID string `json:"phoneNumberId"`
	DisplayPhone  string `json:"displayPhone"` // E.164 with "+"
	Name          string `json:"name"`
	WABAID        string `json:"wabaId,omitzero"`
	AccessToken   string `json:"accessToken,omitzero"` // empty: any bearer is taken
	AppSecret     string `json:"appSecret,omitzero"`   // empty: Config's
	CallbackURL   string `json:"callbackUrl,omitzero"` // empty: Config's
}

// Settings are the manners of the simulated vendor; they can be changed while it runs. Durations are in milliseconds.
type Settings struct {
	SentAfter      int  `json:"sentAfter"`
	DeliveredAfter int  `json:"deliveredAfter"`
	ReadAfter      int  `json:"readAfter"`    // when nobody has the chat open; negative: only when somebody opens it
	IgnoreWindow   bool `json:"ignoreWindow"` // take free text outside the 24-hour window
	AnswerAfter    int  `json:"answerAfter"`  // a slow vendor: it takes the message at once and is this late with the answer
}

// defaultSettings are quick enough to watch and slow enough to see.
func defaultSettings() Settings {
	return Settings{SentAfter: 150, DeliveredAfter: 700, ReadAfter: 8000}
}

// Simulator is the vendor. Make one with New, serve its Handler, and keep Run running.
type Simulator struct {
	store    *store
	outbox   *outbox
	faults   *faultBook
	log      *slog.Logger
	now      func() time.Time
	client   *http.Client
	fallback Account // callback and secret of accounts without their own
	closing  chan struct{}
}

// New returns a Simulator with the state that an earlier one left in StateDir. It fails when that state cannot be read.
func New(config Config) (*Simulator, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Client == nil {
		config.Client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
			MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64, IdleConnTimeout: time.Minute}}
	}
	if config.Settings == (Settings{}) {
		config.Settings = defaultSettings()
	}
	st, err := openStore(config.StateDir, config.Settings, config.Log)
	if err != nil {
		return nil, err
	}
	s := &Simulator{store: st, faults: &faultBook{}, log: config.Log, now: config.Now, client: config.Client, closing: make(chan struct{}),
		fallback: Account{CallbackURL: config.CallbackURL, AppSecret: config.AppSecret}}
	s.outbox = newOutbox(s.post, func(d Delivery) { s.delivered(d) }, st.publishOutbox)
	for _, a := range config.Accounts {
		if a.PhoneNumberID == "" {
			return nil, errors.New("simulator: an account needs a phone number id")
		}
		st.commit(record{Account: &a})
	}
	for _, c := range config.Customers {
		st.commit(record{Customer: &c})
	}
	return s, nil
}

// Run posts webhooks until ctx ends, and returns nil then. Webhooks that nobody took yet wait in StateDir for the next start.
func (s *Simulator) Run(ctx context.Context) error {
	shut := sync.OnceFunc(func() { close(s.closing) })
	stop := context.AfterFunc(ctx, shut)
	defer stop()
	for _, d := range s.store.undelivered() {
		s.outbox.add(d)
	}
	s.outbox.run(ctx)
	shut() // before the journal closes, whether AfterFunc had its turn or not
	return s.store.close()
}

// Handler returns the Graph API, the JSON API and the page. Everything is meant for the machine it runs on.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	s.graphRoutes(mux)
	s.apiRoutes(mux)
	s.pageRoutes(mux)
	return http.NewCrossOriginProtection().Handler(mux) // another site open in the same browser must not play customer
}

// closed reports whether Run has ended or is about to.
func (s *Simulator) closed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// account returns the business number with that id, completed by the fallback.
func (s *Simulator) account(id string) (Account, bool) {
	a, ok := s.store.account(id)
	if a.CallbackURL == "" {
		a.CallbackURL = s.fallback.CallbackURL
	}
	if a.AppSecret == "" {
		a.AppSecret = s.fallback.AppSecret
	}
	return a, ok
}
