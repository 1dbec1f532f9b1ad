package inbox

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// vaultLife is how long opened credentials are kept, and so how long a changed secret may still be the old one.
const vaultLife = 30 * time.Second

// vaultMost bounds how many accounts are kept.
const vaultMost = 10_000

// Opener opens sealed values. secret.Keyring is one.
type Opener interface {
	// Open returns what was sealed for the place, or an error that tells nothing.
	Open(sealed []byte, at secret.Place) ([]byte, error)
}

// Opened is a channel account with its credentials in the clear.
type Opened struct {
	ChannelAccount
	Account channel.Account
}

// Vault opens the credentials of channel accounts, for those who speak to providers. It is safe for concurrent use.
type Vault struct {
	store Store
	keys  Opener
	clock func() time.Time

	mu     sync.Mutex
	opened map[uuid.UUID]openedUntil
}

type openedUntil struct {
	account Opened
	until   time.Time
}

// NewVault returns a Vault over the store's accounts and the keys they are sealed with.
func NewVault(store Store, keys Opener, clock func() time.Time) *Vault {
	return &Vault{store: store, keys: keys, clock: clock, opened: map[uuid.UUID]openedUntil{}}
}

// OpenAccount returns the account, at most 30 seconds old. It returns NotFound when there is none, and Internal when its credentials
// cannot be opened with the keys at hand.
func (v *Vault) OpenAccount(ctx context.Context, route Route) (Opened, error) {
	if account, ok := v.recent(route.Account); ok {
		return account, nil
	}
	var found []ChannelAccount
	var sealed map[uuid.UUID][]byte
	err := v.store.ReadTenant(ctx, route.Tenant, func(tx Tx) (err error) {
		if found, err = tx.ChannelAccountsByIDs(ctx, []uuid.UUID{route.Account}); err != nil {
			return err
		}
		sealed, err = tx.SealedCredentials(ctx, []uuid.UUID{route.Account})
		return err
	})
	if err != nil {
		return Opened{}, err
	}
	if len(found) == 0 {
		return Opened{}, fault.New(fault.NotFound, "there is no such channel account")
	}
	credentials, err := v.keys.Open(sealed[route.Account], CredentialsPlace(route.Tenant, route.Account))
	if err != nil {
		return Opened{}, fault.Wrap(fault.Internal, err, "the credentials of the channel account cannot be opened")
	}
	account := Opened{
		ChannelAccount: found[0],
		Account:        channel.NewAccount(route.Account.String(), found[0].ExternalRef, found[0].Settings, credentials),
	}
	v.keep(account)
	return account, nil
}

func (v *Vault) recent(id uuid.UUID) (Opened, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	k, ok := v.opened[id]
	return k.account, ok && v.clock().Before(k.until)
}

func (v *Vault) keep(account Opened) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.opened) >= vaultMost {
		clear(v.opened)
	}
	v.opened[account.ID] = openedUntil{account: account, until: v.clock().Add(vaultLife)}
}
