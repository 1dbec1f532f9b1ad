package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/secret"
	"github.com/switchboard-inbox/switchboard/migrations"
)

//go:embed load.sql
var loadSQL string

// The kinds of ids that load.sql makes.
const (
	kindTenant       = 1
	kindAgent        = 3
	kindSession      = 4
	kindAccount      = 6
	kindConversation = 8
	kindMessage      = 9
)

// id is bench.id of load.sql.
func id(kind, n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("%08x-0000-7000-8000-%012x", kind, n))
}

func tenantID(t int) uuid.UUID          { return id(kindTenant, t) }
func agentID(t, a int) uuid.UUID        { return id(kindAgent, t*1000+a) }
func accountID(t, which int) uuid.UUID  { return id(kindAccount, t*10+which) }
func conversationID(t, c int) uuid.UUID { return id(kindConversation, t*1_000_000+c) }
func messageID(t, c, m int) uuid.UUID   { return id(kindMessage, (t*1_000_000+c)*10+m-1) }

// ref is the provider's key of an account.
func ref(t, which int) string { return fmt.Sprint(1_000_000 + t*10 + which) }

// token signs an agent in.
func (p *place) token(t, a int) string {
	token, _, err := p.tokens.Issue(inbox.TenantOf(tenantID(t)), agentID(t, a), id(kindSession, t*1000+a))
	if err != nil {
		panic(err) // the keys are constants
	}
	return token
}

// everybody is how many agents of a tenant take turns, since what one may ask in a minute is limited.
const everybody = 25

// tokensOf signs in the agents of a tenant who take turns.
func (p *place) tokensOf(t int) []string {
	tokens := make([]string, everybody)
	for i := range tokens {
		tokens[i] = p.token(t, i+1)
	}
	return tokens
}

// loadOnce loads the data unless a database of this schema and these data is there, and makes the copy that is measured.
func (p *place) loadOnce(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.postgres.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	loaded, err := loadedName()
	if err != nil {
		return err
	}
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, loaded).Scan(&there); err != nil {
		return err
	}
	if !there {
		if err := p.load(ctx, conn, loaded); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		`DROP DATABASE IF EXISTS ` + database + ` WITH (FORCE)`, `CREATE DATABASE ` + database + ` TEMPLATE ` + loaded + ` STRATEGY file_copy`, `CHECKPOINT`,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return p.freshen(ctx)
}

// loadedName names the loaded database by what it was made from.
func loadedName() (string, error) {
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, loadSQL)
	err := fs.WalkDir(migrations.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(migrations.Files, path)
		_, _ = sum.Write(text)
		return err
	})
	return "loaded_" + hex.EncodeToString(sum.Sum(nil)[:6]), err
}

// load makes the database under another name and renames it at the end; those of other schemas are dropped.
func (p *place) load(ctx context.Context, conn *pgx.Conn, name string) error {
	fmt.Fprintln(os.Stderr, "loading 1,000 tenants with 1 million messages; this is kept for the next run")
	old, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE datname LIKE 'loaded\_%' OR datname IN ('loading', $1)`, database)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(old, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, n := range names {
		if _, err := conn.Exec(ctx, `DROP DATABASE `+n+` WITH (FORCE)`); err != nil {
			return err
		}
	}
	if _, err := conn.Exec(ctx, `CREATE DATABASE loading`); err != nil {
		return err
	}
	if err := db.Migrate(ctx, p.postgres.URL("loading")); err != nil {
		return err
	}
	if err := p.fill(ctx); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `ALTER DATABASE loading RENAME TO `+name)
	return err
}

func (p *place) fill(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.postgres.URL("loading"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, loadSQL); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if err := addAccounts(ctx, conn); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `VACUUM (ANALYZE)`)
	return err
}

// addAccounts makes two accounts a tenant: their credentials are sealed, which SQL cannot do. They may send as fast as they can.
func addAccounts(ctx context.Context, conn *pgx.Conn) error {
	ring, err := secret.ParseKeyring(key())
	if err != nil {
		return err
	}
	rows := make([][]any, 0, 2000)
	for t := 1; t <= 1000; t++ {
		for which := range 2 {
			tenant, account := tenantID(t), accountID(t, which)
			sealed := ring.Seal([]byte(`{"accessToken":"bench","appSecret":"`+appSecret+`","verifyToken":"bench"}`),
				inbox.CredentialsPlace(inbox.TenantOf(tenant), account))
			rows = append(rows, []any{tenant, account, "WHATSAPP", "meta", ref(t, which), "Number", `{"messagesPerSecond":1000000}`, sealed,
				"bench-" + ref(t, which)})
		}
	}
	for _, r := range rows {
		if _, err := conn.Exec(ctx, `INSERT INTO channel_accounts (tenant_id, id, channel, provider, external_ref, name, settings, credentials_sealed,
			endpoint_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())`, r...); err != nil {
			return err
		}
	}
	return nil
}

// freshen opens the reply windows of the tenants that send, which have closed since the data were loaded.
func (p *place) freshen(ctx context.Context) (err error) {
	conn, err := pgx.Connect(ctx, p.postgres.URL(database))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, `UPDATE conversations SET last_inbound_at = now() WHERE tenant_id = ANY (SELECT bench.id(1, t) FROM generate_series(2, 11) t);
		UPDATE refresh_tokens SET expires_at = now() + interval '30 days' WHERE expires_at < now() + interval '1 day'`)
	return err
}
