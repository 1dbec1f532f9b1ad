package db_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// R42: a link that swallows everything without breaking is found out by the heartbeat and replaced, and what was lost is asked for.
func TestListenerLeavesABlackHole(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	hole := newProxy(t, d.AppURL)
	heard, resumed := make(chan int64, 100), make(chan struct{}, 100)
	listener := db.NewListener(db.ListenConfig{
		URL: hole.url, Heartbeat: 300 * time.Millisecond,
		Heard:   func(_ inbox.TenantID, seq int64) { heard <- seq },
		Resumed: func() { resumed <- struct{}{} },
	})
	run(t, listener.Run)
	await(t, "listening", resumed)
	tenant := inbox.TenantOf(inboxtest.NewID())
	notifier := d.DB.Notifier()
	run(t, notifier.Run)
	notifier.Committed(tenant, 1)
	if seq := await(t, "the first notice", heard); seq != 1 {
		t.Errorf("heard %d", seq)
	}
	hole.swallow.Store(true)
	notifier.Committed(tenant, 2)
	hole.next.Store(true) // connections from now on work
	await(t, "listening again", resumed)
	notifier.Committed(tenant, 3)
	if seq := await(t, "a notice over the new link", heard); seq == 1 {
		t.Errorf("heard %d again", seq)
	}
}

// A listener takes the address of the pool as it is, and listens over one connection.
func TestListenerTakesThePoolsAddress(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	address, err := url.Parse(d.AppURL)
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	query.Set("pool_max_conns", "7")
	address.RawQuery = query.Encode()
	resumed := make(chan struct{}, 100)
	run(t, db.NewListener(db.ListenConfig{
		URL: address.String(), Heard: func(inbox.TenantID, int64) {}, Resumed: func() { resumed <- struct{}{} },
	}).Run)
	await(t, "listening", resumed)
}

// A listener whose server goes away comes back, and forged notices do not reach anybody.
func TestListenerComesBackAndIgnoresForgeries(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	heard, resumed := make(chan int64, 100), make(chan struct{}, 100)
	run(t, db.NewListener(db.ListenConfig{
		URL: d.AppURL, Heard: func(_ inbox.TenantID, seq int64) { heard <- seq }, Resumed: func() { resumed <- struct{}{} },
	}).Run)
	await(t, "listening", resumed)
	owner, err := pgx.Connect(t.Context(), d.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.Close(t.Context()) }()
	exec := func(sql string, args ...any) {
		if _, err := owner.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'switchboard-listen' AND datname = current_database()")
	await(t, "listening again", resumed)
	tenant := inboxtest.NewID().String()
	for _, forged := range []string{"", "x", tenant, tenant + " ", tenant + " x", tenant + " -1", tenant + " 0", "x 1",
		tenant + " 99999999999999999999", tenant + " 1 1", strings.Repeat("9", 7000)} {
		exec("SELECT pg_notify('switchboard_events', $1)", forged)
	}
	exec("SELECT pg_notify('switchboard_events', $1)", tenant+" 7")
	if seq := await(t, "the true notice", heard); seq != 7 {
		t.Errorf("heard the forged %d", seq)
	}
}

func TestListenerRefusesABadURL(t *testing.T) {
	t.Parallel()
	err := db.NewListener(db.ListenConfig{URL: "postgres://user:secret@host:port/x"}).Run(t.Context())
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// R43: however many commits there are, one NOTIFY is under way, and of a tenant only the newest number goes with the next.
func TestNotifierMerges(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	conn, err := pgx.Connect(t.Context(), d.AppURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), "LISTEN switchboard_events"); err != nil {
		t.Fatal(err)
	}
	notifier := d.DB.Notifier()
	a, b := inbox.TenantOf(inboxtest.NewID()), inbox.TenantOf(inboxtest.NewID())
	for seq := range int64(1000) {
		notifier.Committed(a, seq+1)
		notifier.Committed(b, 1000-seq)
	}
	run(t, notifier.Run)
	want := map[string]bool{a.String() + " 1000": true, b.String() + " 1000": true}
	for range 2 {
		notice, err := conn.WaitForNotification(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !want[notice.Payload] {
			t.Errorf("told %q", notice.Payload)
		}
		delete(want, notice.Payload)
	}
}

// What was committed before the end is told, although no NOTIFY may follow the one before so soon.
func TestNotifierTellsTheLast(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	conn, err := pgx.Connect(t.Context(), d.AppURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), "LISTEN switchboard_events"); err != nil {
		t.Fatal(err)
	}
	notifier, tenant := d.DB.Notifier(), inbox.TenantOf(inboxtest.NewID())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- notifier.Run(ctx) }()
	for seq := range int64(2) {
		notifier.Committed(tenant, seq+1)
		if seq == 1 {
			stop()
		}
		notice, err := conn.WaitForNotification(t.Context())
		if want := fmt.Sprintf("%s %d", tenant, seq+1); err != nil || notice.Payload != want {
			t.Fatalf("told %v (%v), want %q", notice, err, want)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// run runs a part until the test ends, and waits for it.
func run(t *testing.T, part func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := part(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func await[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: not in time", what)
		panic("unreachable")
	}
}

// proxy stands between a client and Postgres, and can swallow what goes through without breaking the link.
type proxy struct {
	url     string
	swallow atomic.Bool // what older connections carry
	next    atomic.Bool // newer connections carry again
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	cfg, err := pgx.ParseConfig(target)
	if err != nil {
		t.Fatal(err)
	}
	network, address := "unix", filepath.Join(cfg.Host, ".s.PGSQL."+portOf(cfg))
	if !strings.HasPrefix(cfg.Host, "/") {
		network, address = "tcp", net.JoinHostPort(cfg.Host, portOf(cfg))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	var links sync.WaitGroup
	var open sync.Map
	links.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				_ = client.Close()
				continue
			}
			open.Store(client, true)
			open.Store(server, true)
			late := p.next.Load()
			links.Go(func() { p.carry(client, server, late) })
			links.Go(func() { p.carry(server, client, late) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		open.Range(func(link, _ any) bool { _ = link.(net.Conn).Close(); return true })
		links.Wait()
	})
	at := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Host: listener.Addr().String(), Path: "/" + cfg.Database}
	p.url = at.String() + "?sslmode=disable"
	return p
}

func portOf(cfg *pgx.ConnConfig) string { return strconv.Itoa(int(cfg.Port)) }

func (p *proxy) carry(from, to net.Conn, late bool) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if n > 0 && (late || !p.swallow.Load()) {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
