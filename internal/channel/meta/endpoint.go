package meta

import (
	"errors"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

var _ channel.EndpointMaker = (*Provider)(nil)

// Endpoint returns the webhook address of an account whose tenant has a Meta app of his own. It returns an error that names the field
// when the credentials hold no app secret; such an account is served by the address of the app that all share.
func (p *Provider) Endpoint(id string, account channel.Account) (channel.Endpoint, error) {
	var c Credentials
	if err := account.DecodeCredentials(&c); err != nil {
		return channel.UnknownEndpoint(), err
	}
	if c.AppSecret == "" {
		return channel.UnknownEndpoint(), errors.New("credentials.appSecret is missing: without it this account has no webhook address of its own")
	}
	secrets := [][]byte{[]byte(c.AppSecret)}
	if c.PreviousAppSecret != "" {
		secrets = append(secrets, []byte(c.PreviousAppSecret))
	}
	return channel.NewEndpoint(id, []byte(c.VerifyToken), secrets...), nil
}
