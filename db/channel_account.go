package db

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// ChannelAccountsByIDs implements inbox.ChannelAccountRows.
func (tx *Tx) ChannelAccountsByIDs(ctx context.Context, ids []uuid.UUID) ([]inbox.ChannelAccount, error) {
	rows, err := tx.q.ChannelAccountsByIDs(ctx, tx.tenant, ids)
	return column(rows, channelAccount), err
}

// SealedCredentials implements inbox.ChannelAccountRows.
func (tx *Tx) SealedCredentials(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]byte, error) {
	rows, err := tx.q.SealedCredentials(ctx, tx.tenant, ids)
	if err != nil {
		return nil, err
	}
	sealed := make(map[uuid.UUID][]byte, len(rows))
	for _, r := range rows {
		sealed[r.ID] = r.CredentialsSealed
	}
	return sealed, nil
}

func channelAccount(r gen.ChannelAccountsByIDsRow) inbox.ChannelAccount {
	return inbox.ChannelAccount{
		ID: r.ID, Channel: inbox.Channel(r.Channel), Provider: r.Provider, ExternalRef: r.ExternalRef, Name: r.Name, TeamID: r.TeamID,
		Status: inbox.AccountStatus(r.Status), Settings: r.Settings, EndpointID: r.EndpointID, CreatedAt: r.CreatedAt.UTC(),
	}
}

// VisibleAccounts implements inbox.ChannelAccountRows.
func (tx *Tx) VisibleAccounts(ctx context.Context, viewer inbox.Visibility, most int) ([]inbox.ChannelAccount, error) {
	rows, err := tx.q.VisibleAccounts(ctx, tx.tenant, viewer.All, notNil(viewer.Accounts), int32(most))
	return column(rows, func(r gen.VisibleAccountsRow) inbox.ChannelAccount {
		return channelAccount(gen.ChannelAccountsByIDsRow(r))
	}), err
}
