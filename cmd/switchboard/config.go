package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
	"github.com/switchboard-inbox/switchboard/internal/httpd"
	"github.com/switchboard-inbox/switchboard/internal/jobs"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// environment is the whole configuration. The help text of each variable is the table of `switchboard help env`.
type environment struct {
	DatabaseURL       secret.Text   `env:"DATABASE_URL" help:"Postgres, as the login role; may name several hosts (?target_session_attrs=read-write follows the primary) or a PgBouncer in transaction mode"`
	MigrateURL        secret.Text   `env:"MIGRATE_DATABASE_URL" help:"Postgres, as the owner of the tables; default: DATABASE_URL"`
	ListenURL         secret.Text   `env:"LISTEN_DATABASE_URL" help:"Postgres without a pooler between, for LISTEN; default: DATABASE_URL"`
	RedisURL          secret.Text   `env:"REDIS_URL" help:"Redis or Valkey with maxmemory-policy noeviction: redis://, redis-sentinel://host:port,host:port/0?master=name or redis-cluster://host:port,host:port (rediss… for TLS)"`
	Workers           int           `env:"SWITCHBOARD_WORKERS" envDefault:"2" help:"how many work processes there are: while Redis is away each sends at that fraction of an account's rate"`
	Port              int           `env:"PORT" envDefault:"8080" help:"port of the app and the API; 0: any free one"`
	BindHost          string        `env:"SWITCHBOARD_BIND_HOST" help:"address that PORT is opened on; default: all of them, in dev only 127.0.0.1"`
	AdminAddr         string        `env:"ADMIN_ADDR" envDefault:"127.0.0.1:9090" help:"health, metrics and profiles; keep it private"`
	PublicBaseURL     string        `env:"PUBLIC_BASE_URL" help:"address at which browsers and providers reach this server; default: http://localhost:PORT"`
	KEKs              secret.Text   `env:"SWITCHBOARD_KEKS" help:"keys that seal credentials: id:base64 of 32 bytes, the newest first, comma between"`
	JWTKeys           secret.Text   `env:"SWITCHBOARD_JWT_KEYS" help:"keys that sign access tokens: id:base64 of 32 bytes, the newest first"`
	FileKeys          secret.Text   `env:"SWITCHBOARD_FILE_KEYS" help:"keys that sign links to files: id:base64 of 32 bytes, the newest first"`
	BlobURL           string        `env:"SWITCHBOARD_BLOB_URL" help:"where files are kept, such as file:///var/lib/switchboard/files or s3://bucket"`
	BaseDomain        string        `env:"SWITCHBOARD_BASE_DOMAIN" help:"domain whose subdomains are tenants; empty: subdomains mean nothing"`
	AllowedOrigins    string        `env:"SWITCHBOARD_ALLOWED_ORIGINS" help:"web origins besides our own that may use the API, comma between"`
	TrustedProxies    string        `env:"SWITCHBOARD_TRUSTED_PROXIES" help:"addresses or networks whose X-Forwarded headers are believed, comma between"`
	MetaBaseURL       string        `env:"META_GRAPH_BASE_URL" envDefault:"https://graph.facebook.com" help:"Meta's Graph API, or the simulator"`
	MetaVersion       string        `env:"META_GRAPH_VERSION" envDefault:"v23.0" help:"version of the Graph API"`
	MetaAppSecret     secret.Text   `env:"SWITCHBOARD_META_APP_SECRET" help:"secret of the Meta app whose shared webhook address is used; two during a rotation, comma between"`
	MetaVerifyToken   secret.Text   `env:"SWITCHBOARD_META_VERIFY_TOKEN" help:"token with which Meta verifies the shared webhook address"`
	AccessTokenLife   time.Duration `env:"SWITCHBOARD_ACCESS_TOKEN_LIFE" envDefault:"15m" help:"life of an access token, at most 60m"`
	KeepEvents        time.Duration `env:"SWITCHBOARD_KEEP_EVENTS" envDefault:"336h" help:"how long clients can resume from a cursor, at least 24h; up to a week more is kept"`
	KeepJournal       time.Duration `env:"SWITCHBOARD_KEEP_JOURNAL" envDefault:"720h" help:"when webhooks as they came are gone at the latest, at least 336h; the newest of them are kept a week less"`
	SimulatorAddr     string        `env:"SIMULATOR_ADDR" envDefault:"127.0.0.1:8090" help:"where the provider simulator listens (simulate, dev)"`
	SimulatorCallback string        `env:"SIMULATOR_CALLBACK_URL" help:"webhook address the simulator posts to (simulate)"`
	DataDir           string        `env:"SWITCHBOARD_DATA_DIR" envDefault:".data" help:"where dev keeps its servers, keys and files"`
	Introspection     bool          `env:"SWITCHBOARD_INTROSPECTION" help:"true lets clients read the GraphQL schema, as dev does"`
	Documents         string        `env:"SWITCHBOARD_DOCUMENTS" help:"folder of GraphQL documents (*.graphql, or *.json of SHA-256 to text): only these and the agent app's are answered; empty: all"`
	LogLevel          slog.Level    `env:"LOG_LEVEL" envDefault:"INFO" help:"DEBUG, INFO, WARN or ERROR"`
}

// needs says which parts of the configuration a command uses; only those must be there and right.
type needs struct{ database, owner, redis, keys, http, blob, provider bool }

// readEnvironment reads and checks the configuration. Its error names every variable at fault, each with the remedy.
func readEnvironment(need needs) (environment, error) {
	e, err := env.ParseAs[environment]()
	var problems []error
	if err != nil {
		problems = append(problems, unreadable(err)...)
	}
	e.applyDefaults()
	problems = append(problems, e.check(need)...)
	return e, errors.Join(problems...)
}

func (e *environment) applyDefaults() {
	if e.MigrateURL.IsZero() {
		e.MigrateURL = e.DatabaseURL
	}
	if e.ListenURL.IsZero() {
		e.ListenURL = e.DatabaseURL
	}
	if e.PublicBaseURL == "" && e.Port != 0 {
		e.PublicBaseURL = fmt.Sprintf("http://localhost:%d", e.Port)
	}
	e.PublicBaseURL = strings.TrimRight(e.PublicBaseURL, "/")
}

// unreadable turns the reader's errors into ours, which never quote a value: it may be a secret.
func unreadable(err error) []error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []error{errors.New("the environment cannot be read")}
	}
	var problems []error
	fields := reflect.TypeFor[environment]()
	for _, one := range all.Errors {
		var parse env.ParseError
		if errors.As(one, &parse) {
			field, _ := fields.FieldByName(parse.Name)
			problems = append(problems, fmt.Errorf("%s cannot be read: it is %s", field.Tag.Get("env"), field.Tag.Get("help")))
		}
	}
	return problems
}

// check returns every problem of the parts that are needed.
func (e *environment) check(need needs) []error {
	var problems []error
	add := func(needed bool, name, remedy string, err error) {
		if needed && err != nil {
			problems = append(problems, fmt.Errorf("%s %w: %s", name, err, remedy))
		}
	}
	add(need.database, "DATABASE_URL", "set it to postgres://user:password@host:5432/database", isURL(e.DatabaseURL.Reveal(), "postgres", "postgresql"))
	add(need.owner && !e.MigrateURL.IsZero(), "MIGRATE_DATABASE_URL", "set it to postgres://owner:password@host:5432/database", isURL(e.MigrateURL.Reveal(), "postgres", "postgresql"))
	add(need.database && !e.ListenURL.IsZero(), "LISTEN_DATABASE_URL", "set it to postgres://user:password@host:5432/database", isURL(e.ListenURL.Reveal(), "postgres", "postgresql"))
	add(need.redis, "REDIS_URL", "set it to redis://:password@host:6379/0", checkRedis(e.RedisURL.Reveal()))
	add(need.redis, "SWITCHBOARD_WORKERS", "set it to the number of work processes", within(e.Workers, 1, 10_000))
	_, err := secret.ParseKeyring(e.KEKs.Reveal())
	add(need.keys, "SWITCHBOARD_KEKS", makeKey, or(e.KEKs, err))
	_, err = auth.NewTokens(e.JWTKeys.Reveal(), issuer, time.Minute, time.Now)
	add(need.http, "SWITCHBOARD_JWT_KEYS", makeKey, or(e.JWTKeys, err))
	_, err = secret.ParseKeyring(e.FileKeys.Reveal())
	add(need.http, "SWITCHBOARD_FILE_KEYS", makeKey, or(e.FileKeys, err))
	add(need.http, "SWITCHBOARD_ACCESS_TOKEN_LIFE", "set it to at most 60m", within(e.AccessTokenLife, time.Minute, time.Hour))
	add(need.http, "PORT", "set it to a number from 0 to 65535", within(e.Port, 0, 65535))
	add(need.http && (e.Port != 0 || e.PublicBaseURL != ""), "PUBLIC_BASE_URL", "set it to an address such as https://desk.example.com", isURL(e.PublicBaseURL, "http", "https"))
	add(need.http, "ADMIN_ADDR", "set it to host:port, such as 127.0.0.1:9090", isAddress(e.AdminAddr))
	add(need.blob, "SWITCHBOARD_BLOB_URL", "set it to an address such as file:///var/lib/switchboard/files", isURL(e.BlobURL, "file", "s3", "mem"))
	add(need.redis, "SWITCHBOARD_KEEP_EVENTS", "set it to 24h or more", within(e.KeepEvents, 24*time.Hour, century))
	add(need.redis, "SWITCHBOARD_KEEP_JOURNAL", "set it to 336h or more", within(e.KeepJournal, 14*24*time.Hour, century))
	_, err = httpd.ParseOrigins(e.AllowedOrigins)
	add(need.http, "SWITCHBOARD_ALLOWED_ORIGINS", "list whole origins, comma between", wrong(err))
	_, err = httpd.ParseProxies(e.TrustedProxies)
	add(need.http, "SWITCHBOARD_TRUSTED_PROXIES", "list them with a comma between", wrong(err))
	_, err = allowedDocuments(e.Documents)
	add(need.http, "SWITCHBOARD_DOCUMENTS", "name a folder with *.graphql or *.json files, or leave it out", wrong(err))
	if !e.MetaAppSecret.IsZero() && e.MetaVerifyToken.IsZero() {
		add(need.http, "SWITCHBOARD_META_VERIFY_TOKEN", "choose a long random text and give it to Meta too", errMissing)
	}
	_, err = meta.New(meta.Config{BaseURL: e.MetaBaseURL, Version: e.MetaVersion})
	add(need.provider, "META_GRAPH_BASE_URL or META_GRAPH_VERSION", "leave them out for Meta itself", wrong(err))
	return problems
}

const (
	makeKey = "make one with: echo \"k1:$(openssl rand -base64 32)\""
	issuer  = "switchboard"
	century = 100 * 365 * 24 * time.Hour
)

var errMissing = errors.New("is missing")

// or returns that the value is missing rather than that an empty one cannot be read.
func or(value secret.Text, err error) error {
	if value.IsZero() {
		return errMissing
	}
	return wrong(err)
}

// wrong makes a parser's words a part of a sentence about the variable.
func wrong(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("is wrong (%w)", err)
}

func isURL(value string, schemes ...string) error {
	if value == "" {
		return errMissing
	}
	u, err := url.Parse(value)
	if err != nil {
		return errors.New("is no address") // url.Error quotes the value, which may hold a password
	}
	for _, scheme := range schemes {
		if u.Scheme == scheme {
			return nil
		}
	}
	return fmt.Errorf("does not begin with %s://", strings.Join(schemes, ":// or "))
}

// checkRedis returns why the URL names no Redis.
func checkRedis(value string) error {
	if err := isURL(value, "redis", "rediss", "redis-sentinel", "rediss-sentinel", "redis-cluster", "rediss-cluster"); err != nil {
		return err
	}
	client, err := jobs.Connect(value, time.Second, 1)
	if err != nil {
		return wrong(err)
	}
	return client.Close()
}

func isAddress(value string) error {
	host, port, err := net.SplitHostPort(value)
	if err != nil || port == "" {
		return errors.New("is not host:port")
	}
	if _, err := netip.ParseAddr(host); err != nil && strings.ContainsAny(host, " /") {
		return errors.New("is not host:port")
	}
	return nil
}

func within[T int | time.Duration](value, least, most T) error {
	if value < least || value > most {
		return errors.New("is out of range")
	}
	return nil
}

// variable is one environment variable as the help shows it.
type variable struct{ name, help, fallback string }

// variables lists every variable in the order of the configuration.
func variables() []variable {
	fields := reflect.TypeFor[environment]()
	all := make([]variable, fields.NumField())
	for i := range all {
		tag := fields.Field(i).Tag
		all[i] = variable{tag.Get("env"), tag.Get("help"), tag.Get("envDefault")}
	}
	return all
}

// printEnvironment writes the table of all variables.
func printEnvironment() {
	for _, v := range variables() {
		line := fmt.Sprintf("%-30s %s", v.name, v.help)
		if v.fallback != "" {
			line += " [" + v.fallback + "]"
		}
		_, _ = fmt.Fprintln(os.Stdout, line)
	}
}
