// Package meta speaks Meta's WhatsApp Cloud API: it sends text and templates, reads signed webhooks and fetches media.
//
// Where to look: send.go builds a message, call.go decides what an answer or its absence means, codes.go is the table of error
// codes, receive.go takes a webhook apart, message.go and content.go read one message, status.go reads one receipt.
//
// Imports: channel and the standard library only.
package meta

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// Kind is the provider's stored name.
const Kind = "meta"

// The defaults of Config.
const (
	DefaultBaseURL = "https://graph.facebook.com"
	DefaultVersion = "v23.0"
	DefaultTimeout = 10 * time.Second // of one call to the Graph API
)

// defaultRate is what Meta grants every number; settings may say otherwise (20 with the Business app, up to 1000).
const defaultRate = 80

// Config says which Graph API to speak to. The zero value is Meta itself.
type Config struct {
	BaseURL string        // DefaultBaseURL when empty; a simulator's address otherwise
	Version string        // DefaultVersion when empty
	Timeout time.Duration // of one call; DefaultTimeout when 0
	// Client makes the calls. When nil it is a guarded client that may also reach the host of BaseURL.
	Client *http.Client
}

// Provider is the WhatsApp Cloud API. It is safe for concurrent use.
type Provider struct {
	base    *url.URL
	version string
	timeout time.Duration
	client  *http.Client // refuses redirects
	media   *http.Client // follows a few, each checked
	// readMessage reads one message of a webhook; a field so that a test can make it panic.
	readMessage func(scope, channel.JSON) (channel.Inbound, *contact, error)
}

// Settings is the public part of a channel account, as JSON: {"wabaId":"…","displayPhone":"+15550001111","messagesPerSecond":80}.
type Settings struct {
	WABAID       string `json:"wabaId,omitzero"`       // the WhatsApp business account
	DisplayPhone string `json:"displayPhone,omitzero"` // what customers see, for people only
	// MessagesPerSecond is the throughput that Meta granted the number; 0 means 80.
	MessagesPerSecond float64 `json:"messagesPerSecond,omitzero"`
}

// Credentials is the secret part of a channel account, as JSON: {"accessToken":"…"}. The app secret and the verify token belong to the
// webhook endpoint; they are accepted here so that one document can hold all of an account.
type Credentials struct {
	AccessToken string `json:"accessToken"`
	AppSecret   string `json:"appSecret,omitzero"`
	VerifyToken string `json:"verifyToken,omitzero"`
	// PreviousAppSecret is accepted as well while the app secret is being changed.
	PreviousAppSecret string `json:"previousAppSecret,omitzero"`
}

// Compile-time proof of what the provider offers.
var (
	_ channel.Provider     = (*Provider)(nil)
	_ channel.Challenger   = (*Provider)(nil)
	_ channel.MediaFetcher = (*Provider)(nil)
	_ channel.Limiter      = (*Provider)(nil)
	_ channel.Checker      = (*Provider)(nil)
)

// New returns the provider. It fails when the base URL or the version cannot be used.
func New(config Config) (*Provider, error) {
	base, err := parseBase(config.BaseURL)
	if err != nil {
		return nil, err
	}
	p := &Provider{base: base, version: config.Version, timeout: config.Timeout, client: config.Client, readMessage: readMessage}
	if p.version == "" {
		p.version = DefaultVersion
	}
	if !regexp.MustCompile(`^v\d+\.\d+$`).MatchString(p.version) {
		return nil, fmt.Errorf("meta: the version %q is not of the form v23.0", p.version)
	}
	if p.timeout == 0 {
		p.timeout = DefaultTimeout
	}
	if p.client == nil {
		p.client = channel.NewClient(channel.ClientConfig{AllowHosts: privateHost(base)})
	}
	media := *p.client
	media.CheckRedirect = channel.FollowRedirects(3)
	p.media = &media
	return p, nil
}

func parseBase(raw string) (*url.URL, error) {
	if raw == "" {
		raw = DefaultBaseURL
	}
	base, err := url.Parse(strings.TrimRight(raw, "/"))
	switch {
	case err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https"):
		return nil, errors.New("meta: the base URL must be an http or https address")
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("meta: the base URL must have no user, query or fragment")
	}
	return base, nil
}

// privateHost returns base's host:port for the guarded client's list of exceptions; Meta itself needs none.
func privateHost(base *url.URL) []string {
	if base.Scheme == "https" && base.Port() == "" {
		return nil
	}
	port := base.Port()
	if port == "" {
		port = "80"
	}
	return []string{strings.ToLower(base.Hostname()) + ":" + port}
}

// Kind returns "meta".
func (p *Provider) Kind() string { return Kind }

// Rate returns the throughput of the account's number. Settings that cannot be read count as absent; Check reports them.
func (p *Provider) Rate(account channel.Account) channel.Rate {
	var s Settings
	if err := account.DecodeSettings(&s); err != nil || s.MessagesPerSecond <= 0 {
		s.MessagesPerSecond = defaultRate
	}
	// Meta counts within a second, and a bucket may spend its burst on top of a second's tokens, hence the small burst.
	return channel.Rate{PerSecond: s.MessagesPerSecond, Burst: max(1, int(s.MessagesPerSecond/8))}
}

// Check returns nil when the account can be used, otherwise an error that names the field and what it should be.
func (p *Provider) Check(account channel.Account) error {
	var s Settings
	if err := account.DecodeSettings(&s); err != nil {
		return err
	}
	if s.MessagesPerSecond < 0 || s.MessagesPerSecond > 1000 {
		return errors.New("settings.messagesPerSecond must be between 1 and 1000, or absent for 80")
	}
	if !isObjectID(account.ExternalRef) {
		return errors.New("externalRef must be the phone number id from Meta's dashboard, digits only")
	}
	_, err := accessToken(account)
	return err
}

// accessToken returns the account's bearer token. Its error names the field and quotes nothing.
func accessToken(account channel.Account) (string, error) {
	var c Credentials
	if err := account.DecodeCredentials(&c); err != nil {
		return "", err
	}
	if c.AccessToken == "" {
		return "", errors.New("credentials.accessToken is missing: create a system user token in Meta's business settings")
	}
	for _, r := range c.AccessToken {
		if r <= ' ' || r > '~' {
			return "", errors.New("credentials.accessToken has a space or an unprintable character: copy it again")
		}
	}
	return c.AccessToken, nil
}

// isObjectID reports whether id can stand in a Graph path.
func isObjectID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, r := range id {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}
