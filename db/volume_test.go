package db_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// shelf is a database with the volumes of its events and journal.
type shelf struct {
	*testing.T
	w       *inboxtest.World
	tenant  inbox.TenantID
	account uuid.UUID
	shift   time.Duration
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	return &shelf{T: t, w: w, tenant: acme.ID, account: acme.Account("Main", nil)}
}

// pass lets time go by.
func (s *shelf) pass(d time.Duration) {
	s.shift += d
	s.w.Shift(s.shift)
	s.w.Exec("UPDATE app.volumes SET made_at = made_at - $1::interval", d)
}

// turn is what the sweep does, until nothing is due any more.
func (s *shelf) turn() (did []string) {
	s.Helper()
	for range 100 {
		one, err := s.w.DB.Outbound().TurnVolumes(s.Context(), 2*week, 30*day)
		if err != nil {
			s.Fatal(err)
		}
		if one == "" {
			return did
		}
		did = append(did, one)
	}
	s.Fatal("there is always something to do")
	return nil
}

// record commits one event and one item of the journal, as every change does.
func (s *shelf) record() error {
	return s.w.DB.InTenant(s.Context(), s.tenant, func(tx inbox.Tx) error {
		now, err := tx.Now(s.Context())
		if err != nil {
			return err
		}
		tx.Record(inbox.Event{Kind: inbox.EventAlertOpened, At: now, ActorKind: inbox.ActorSystem})
		return tx.InsertJournal(s.Context(), []inbox.JournalItem{{
			ID: inboxtest.NewID(), ChannelAccountID: s.account, Provider: "meta", Kind: inbox.ItemNotice, Outcome: inbox.Applied, ReceivedAt: now,
		}})
	})
}

// TestVolumesComeAndGo lives through ten weeks: nothing that is promised is dropped, nothing is kept longer than the journal may be, and
// a cursor that reaches into what is gone meets a hole at its beginning and nowhere else.
func TestVolumesComeAndGo(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for range 70 {
		if err := s.record(); err != nil {
			t.Fatal(err)
		}
		s.pass(day)
		s.turn()
		if n := s.w.Int("SELECT count(*) FROM events WHERE at > app.now() - interval '14 days'"); n < min(13, s.w.Int("SELECT max(seq) FROM events")) {
			t.Fatalf("of the last two weeks only %d events are kept", n)
		}
		if n := s.w.Int("SELECT count(*) FROM webhook_items WHERE received_at <= app.now() - interval '30 days'"); n != 0 {
			t.Fatalf("%d items of the journal are older than thirty days", n)
		}
	}
	if n := s.w.Int("SELECT count(*) FROM events"); n > 22 {
		t.Errorf("%d days of events are kept, want at most three weeks", n)
	}
	if n := s.w.Int("SELECT count(*) FROM webhook_items"); n < 22 {
		t.Errorf("only %d days of the journal are kept", n)
	}
	if n := s.w.Int("SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass"); n > 5 {
		t.Errorf("the events have %d parts", n)
	}
	findings, err := s.w.DB.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Violations != 0 && !strings.Contains(f.Check, "took effect") {
			t.Errorf("%s: %v", f.Check, f.Examples)
		}
	}
}

// TestNothingIsRefusedWithoutTheJob writes for half a year without anybody turning the volumes. When they are turned at last, what was written a
// moment ago is kept for as long as if they had been turned in time.
func TestNothingIsRefusedWithoutTheJob(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for range 6 {
		if err := s.record(); err != nil {
			t.Fatal(err)
		}
		s.pass(30 * day)
	}
	if err := s.record(); err != nil {
		t.Fatal(err)
	}
	if n := s.w.Int("SELECT count(*) FROM events WHERE volume = 1"); n != 7 {
		t.Errorf("%d events were kept", n)
	}
	s.w.Exec("UPDATE app.volumes SET made_at = now() WHERE volume = 2")
	if did := s.turn(); len(did) != 0 {
		t.Errorf("with a volume that was made this minute the job %q", did)
	}
	s.w.Exec("UPDATE app.volumes SET made_at = now() - interval '1 minute' WHERE volume = 2")
	if did := s.turn(); !slices.Equal(did, []string{"opened volume 2", "made volume 3"}) {
		t.Errorf("afterwards the job %q", did)
	}
	for _, then := range []struct {
		after         time.Duration
		events, items int64
	}{{13 * day, 7, 7}, {day, 0, 7}, {8 * day, 0, 7}, {day, 0, 0}} {
		s.pass(then.after)
		did := s.turn()
		if events, items := s.w.Int("SELECT count(*) FROM events"), s.w.Int("SELECT count(*) FROM webhook_items"); events != then.events || items != then.items {
			t.Errorf("%v later, when the job %q, %d events and %d items of the journal are kept; want %d and %d", then.after, did, events, items, then.events, then.items)
		}
	}
}

// TestVolumesTurnUnderWriters turns volumes as fast as it goes while events are written: none is refused, numbers have no gap, and a
// tenant's volumes never go back.
func TestVolumesTurnUnderWriters(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.w.Exec(`SET ROLE switchboard_keeper; CALL app.make_volume(3); CALL app.make_volume(4); CALL app.make_volume(5); CALL app.make_volume(6); RESET ROLE`)
	s.w.Exec("INSERT INTO app.volumes (volume) SELECT generate_series(3, 6)")
	s.w.Exec("UPDATE app.volumes SET made_at = made_at - interval '1 minute'")
	const open = "(SELECT max(volume) FROM app.volumes WHERE opened_at IS NOT NULL)"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var written atomic.Int64
	var writers, turners sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for ctx.Err() == nil {
				if err := s.record(); err != nil {
					t.Error(err)
				}
				written.Add(1)
			}
		})
	}
	for range 2 {
		turners.Go(func() {
			for ctx.Err() == nil && s.w.Int("SELECT "+open) < 6 { // each volume gets some events before it is closed
				s.w.Exec("UPDATE app.volumes SET opened_at = opened_at - interval '8 days' WHERE opened_at IS NOT NULL AND EXISTS (SELECT FROM events WHERE volume = " + open + ")")
				if _, err := s.w.DB.Outbound().TurnVolumes(ctx, 1000*week, 1000*week); err != nil && ctx.Err() == nil && !isBusy(err) {
					t.Error(err)
				}
			}
		})
	}
	turners.Wait()
	cancel()
	writers.Wait()
	if n := s.w.Int("SELECT count(*) FROM events"); n != written.Load() {
		t.Errorf("%d events, want %d", n, written.Load())
	}
	if n := s.w.Int("SELECT count(DISTINCT volume) FROM events"); n < 5 {
		t.Errorf("the events are in %d volumes: little was tried", n)
	}
	if n := s.w.Int("SELECT count(*) FROM (SELECT volume, lead(volume) OVER (ORDER BY seq) AS next FROM events) e WHERE next < volume"); n != 0 {
		t.Errorf("%d times a later event is in an earlier volume", n)
	}
}

// isBusy reports that a turn gave way to somebody else.
func isBusy(err error) bool {
	return strings.Contains(err.Error(), "55P03") || strings.Contains(err.Error(), "lock")
}

// TestDroppingGivesWay holds a volume open, as a backup does: the job goes without, waits before it tries again, and nobody is kept
// from writing.
func TestDroppingGivesWay(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	if err := s.record(); err != nil {
		t.Fatal(err)
	}
	s.pass(week)
	s.turn()
	s.pass(2 * week)
	conn, err := pgx.Connect(t.Context(), s.w.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	reading, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reading.Exec(t.Context(), "SELECT count(*) FROM events"); err != nil {
		t.Fatal(err)
	}
	if did := s.turn(); !slices.Contains(did, "could not drop volume 1: somebody is reading") {
		t.Errorf("while somebody reads the job %q", did)
	}
	if err := s.record(); err != nil {
		t.Error(err)
	}
	if did := s.turn(); len(did) != 0 {
		t.Errorf("at once the job tries again: %q", did)
	}
	if err := reading.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.pass(10 * time.Minute)
	if did := s.turn(); !slices.Contains(did, "dropped the events of volume 1") {
		t.Errorf("ten minutes later the job %q", did)
	}
}

// TestDroppingWaitsForWhoWrites has rows under way to the oldest volume when it is to be dropped: an item of the journal that is not committed, and an
// event that waits for its number in a statement that knows of no newer volume. The job gives way, both rows get there, and numbers go on.
func TestDroppingWaitsForWhoWrites(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	if err := s.record(); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), s.w.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	holding, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holding.Exec(t.Context(), "SELECT FROM tenant_heads FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- s.record() }()
	for s.w.Int("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0 {
		if len(written) > 0 || t.Context().Err() != nil {
			t.Fatal("the writer did not wait for the head")
		}
	}
	s.pass(week)
	s.turn()
	s.pass(5 * week)
	if did := s.turn(); !slices.Contains(did, "could not drop volume 1: somebody is reading") {
		t.Errorf("while somebody writes the job %q", did)
	}
	if err := holding.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if events, items := s.w.Int("SELECT count(*) FROM events WHERE volume = 1"), s.w.Int("SELECT count(*) FROM webhook_items WHERE volume = 1"); events != 2 || items != 2 {
		t.Errorf("volume 1 holds %d events and %d items, want 2 and 2", events, items)
	}
	s.pass(10 * time.Minute)
	if did := s.turn(); !slices.Contains(did, "dropped the events of volume 1") || !slices.Contains(did, "dropped the journal of volume 1") {
		t.Errorf("afterwards the job %q", did)
	}
	if err := s.record(); err != nil {
		t.Fatal(err)
	}
	if n, seq := s.w.Int("SELECT count(*) FROM events"), s.w.Int("SELECT max(seq) FROM events"); n != 1 || seq != 3 {
		t.Errorf("%d events are kept, the last is number %d; want 1 and 3", n, seq)
	}
}

// TestVolumesToComeAreFenced looks at the volumes that the job makes: no tenant reaches into another's, and the app role cannot name them.
func TestVolumesToComeAreFenced(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.turn()
	s.pass(week)
	s.turn()
	z := &zoo{t: t, w: s.w}
	conn, err := pgx.Connect(t.Context(), s.w.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	z.owner = conn
	for _, name := range []string{"events", "webhook_items"} {
		got := z.list(`SELECT format('%s %s %s', c.relrowsecurity, c.relforcerowsecurity, (SELECT string_agg(p.polname || pg_get_expr(p.polqual, p.polrelid)
			|| pg_get_expr(p.polwithcheck, p.polrelid), ' ') FROM pg_policy p WHERE p.polrelid = c.oid)) FROM pg_class c WHERE c.oid = $1::regclass`, "history."+name+"_3")
		if want := "t t tenant_isolation" + policyExpression + policyExpression; got[0] != want {
			t.Errorf("%s_3: %s", name, got[0])
		}
		if z.list(`SELECT has_table_privilege('switchboard_app', $1, 'SELECT')::text`, "history."+name+"_3")[0] != "false" {
			t.Errorf("the app role may read %s_3 by its name", name)
		}
		if got := z.list(`SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = $1::regclass AND i.indisprimary`, "history."+name+"_3"); len(got) != 1 {
			t.Errorf("%s_3 has the keys %q", name, got)
		}
		whole := z.list("SELECT count(*)::text FROM pg_index WHERE indrelid = $1::regclass", "history."+name+"_1")
		if part := z.list("SELECT count(*)::text FROM pg_index WHERE indrelid = $1::regclass", "history."+name+"_3"); part[0] != whole[0] {
			t.Errorf("%s_3 has %s indexes, the first volume has %s", name, part[0], whole[0])
		}
	}
	if err := s.record(); err != nil {
		t.Fatal(err)
	}
	// Even with the grants that it lacks, the app role would see nothing of others.
	s.w.Exec("GRANT USAGE ON SCHEMA history TO switchboard_app")
	s.w.Exec("GRANT SELECT ON history.events_2 TO switchboard_app")
	if n := s.w.Int("SELECT count(*) FROM history.events_2"); n != 1 {
		t.Fatalf("volume 2 holds %d events", n)
	}
	app, err := pgx.Connect(t.Context(), s.w.AppURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = app.Close(context.Background()) }()
	var n int
	if err := app.QueryRow(t.Context(), "SELECT count(*) FROM history.events_2").Scan(&n); err != nil || n != 0 {
		t.Errorf("without a tenant %d events are seen, %v", n, err)
	}
}
