package arch

import "strings"

const (
	module = "github.com/switchboard-inbox/switchboard/"

	maxFile     = 400 // lines
	maxFunction = 60  // lines
	maxTest     = 100 // lines of a test, which tells one story in order
	maxResolver = 8   // statements
)

// layers says which packages of this module a package may import; "x/..." stands for x and everything below it. The longest
// matching entry decides; a package without one is an error, so that a new package gets its place.
func layers() map[string]string {
	return map[string]string{
		"cmd/switchboard": "graph internal/auth internal/blob internal/channel/... internal/demo internal/embedded internal/fault internal/faultpoint internal/httpd internal/inbox " +
			"internal/jobs internal/live internal/outbound internal/secret internal/simulator internal/telemetry db migrations web",
		"cmd/bench":         "cmd/bench/standin db internal/auth internal/embedded internal/inbox internal/jobs internal/secret migrations",
		"cmd/bench/standin": "",
		"graph": "graph/internal/... internal/auth internal/channel internal/fault internal/inbox internal/live internal/outbound " +
			"internal/telemetry",
		"graph/conformance":    "",
		"graph/internal/...":   "graph/internal/... internal/channel internal/fault internal/inbox internal/outbound",
		"internal/httpd":       "internal/auth internal/channel internal/fault internal/faultpoint internal/inbox internal/outbound internal/telemetry",
		"internal/jobs":        "internal/channel internal/fault internal/inbox internal/outbound internal/telemetry",
		"internal/live":        "internal/fault internal/faultpoint internal/inbox",
		"internal/simulator":   "",
		"internal/embedded":    "",
		"internal/blob":        "internal/fault internal/inbox internal/secret",
		"internal/demo":        "internal/channel internal/fault internal/inbox internal/outbound",
		"internal/arch":        "",
		"db":                   "db/internal/gen internal/auth internal/channel internal/fault internal/faultpoint internal/inbox internal/live internal/outbound migrations",
		"db/internal/gen":      "",
		"db/dbtest":            "db internal/embedded migrations",
		"migrations":           "",
		"web":                  "",
		"internal/auth":        "internal/fault internal/inbox internal/secret",
		"internal/outbound":    "internal/channel internal/fault internal/faultpoint internal/inbox internal/secret",
		"internal/inbox":       "internal/channel internal/fault internal/faultpoint internal/secret",
		"internal/channel":     "",
		"internal/channel/...": "internal/channel", // a provider imports nothing else of ours
		"internal/secret":      "internal/fault",
		"internal/telemetry":   "internal/fault",
		"internal/fault":       "",
		"internal/faultpoint":  "internal/fault", // nothing at all without the tag chaos
		"internal/chaos":       "",               // tests only
		"internal/attack":      "",               // tests only
		// Test helpers, imported by tests only.
		"internal/leaktest":        "",
		"internal/inbox/inboxtest": "db/dbtest internal/channel internal/inbox",
	}
}

// owners says which packages may import a third-party module or a part of the standard library; everything that is not listed is free.
func owners() map[string]string {
	return map[string]string{
		"github.com/jackc/pgx/...":        "db/... internal/inbox/inboxtest cmd/bench/...",
		"github.com/pressly/goose/...":    "db",
		"database/sql":                    "db",
		"github.com/hibiken/asynq":        "internal/jobs cmd/bench/standin",
		"github.com/redis/go-redis/...":   "internal/jobs internal/httpd cmd/switchboard cmd/bench/standin db/dbtest",
		"github.com/99designs/gqlgen/...": "graph/...",
		"github.com/vektah/gqlparser/...": "graph/...",
		"github.com/gorilla/websocket":    "graph/... cmd/bench/...",
		"github.com/golang-jwt/jwt/...":   "internal/auth",
		"github.com/prometheus/...":       "internal/telemetry",
		"net/http": "cmd/... graph/... internal/httpd internal/channel/... internal/simulator internal/telemetry web " +
			"internal/demo internal/outbound", // clients only: the played vendor and alert URLs; a handler has no place there
		"log":                                   "",                               // log/slog, handed in
		"runtime/debug":                         "internal/fault cmd/switchboard", // whoever recovers tells of it what fault.Panicked does, and no text
		"testing":                               "db/dbtest internal/channel/channeltest internal/inbox/inboxtest internal/leaktest",
		"github.com/nyaruka/phonenumbers":       "internal/inbox",
		"golang.org/x/crypto/argon2":            "internal/auth",
		"github.com/caarlos0/env/...":           "cmd/switchboard",
		"gocloud.dev/...":                       "internal/blob",
		"math/rand":                             "", // math/rand/v2
		"github.com/vikstrous/dataloadgen":      "graph",
		module + "db/internal/...":              "db",
		module + "graph/internal/...":           "graph/...",
		module + "db/dbtest":                    "internal/inbox/inboxtest",
		module + "internal/inbox/inboxtest":     "",
		module + "internal/channel/meta":        "cmd/switchboard",
		module + "internal/embedded":            "cmd/switchboard cmd/bench db/dbtest",
		module + "internal/simulator":           "cmd/switchboard",
		module + "internal/channel/channeltest": "",
		module + "internal/leaktest":            "",
	}
}

// exception excuses one finding: the name of a rule, the file or file:name it is about, and why.
type exception struct{ rule, where, why string }

// exceptions are the few places where a rule is wrong.
func exceptions() []exception {
	return []exception{
		{"no package variable", "db/dbtest/server.go:shared", "one private Postgres serves all tests of a process; no product code imports dbtest"},
		{"no package variable", "internal/channel/channeltest/channeltest.go:update", "a flag of go test; no product code imports channeltest"},
		{"no package variable", "internal/faultpoint/on.go:orders", "points are everywhere and nobody hands them the orders; only builds with the tag chaos have it"},
		{"no package variable", "cmd/switchboard/harness_test.go:build", "the binary is built once for all tests of the process"},
		{"function size", "internal/demo/story.go:helpLine", "one list of scenes, read from top to bottom"},
		{"no package variable", "internal/auth/credential.go:tenantEncoding", "an encoding is a constant that Go cannot write as one"},
		{"no package variable", "internal/auth/password.go:encoding", "an encoding is a constant that Go cannot write as one"},
	}
}

// within reports whether a path matches one of the patterns, which are separated by spaces.
func within(path, patterns string) bool {
	_, ok := match(path, strings.Fields(patterns))
	return ok
}

// match returns the longest pattern that the path matches.
func match(path string, patterns []string) (best string, ok bool) {
	for _, p := range patterns {
		root, below := strings.CutSuffix(p, "/...")
		if path != root && !(below && strings.HasPrefix(path, root+"/")) {
			continue
		}
		if !ok || len(root) > len(strings.TrimSuffix(best, "/...")) || len(root) == len(strings.TrimSuffix(best, "/...")) && !below {
			best, ok = p, true
		}
	}
	return best, ok
}
