package db_test

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// R79: a process whose connections are all at work is ready all the same.
func TestReadyWhileAllConnectionsAreBusy(t *testing.T) {
	t.Parallel()
	const connections = 16
	u, err := url.Parse(dbtest.New(t).AppURL)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("pool_max_conns", "16")
	u.RawQuery = query.Encode()
	d, err := db.Open(t.Context(), db.Config{URL: u.String(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	tenant, busy, release := inbox.TenantOf(uuid.New()), make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			if err := d.InTenant(t.Context(), tenant, func(inbox.Tx) error {
				busy <- struct{}{}
				<-release
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
		<-busy
	}
	hasty, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := d.InTenant(hasty, tenant, func(inbox.Tx) error { return nil }); err == nil {
		t.Fatal("there is a connection left")
	}
	if err := d.Ready(t.Context()); err != nil {
		t.Errorf("not ready: %v", err)
	}
	close(release)
	all.Wait()
}
