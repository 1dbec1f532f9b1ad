package embedded

import (
	"log/slog"
	"sort"
	"time"
)

// Options says where and how a private server runs.
type Options struct {
	// Dir is the root of all data; each server makes its own folder in it. It belongs to this package: it is created
	// if it is missing, and made traversable (0711) when the children run as another user.
	Dir string
	// Fsync makes committed data survive a crash of the machine. Tests leave it off: a crash of the server or of its
	// parent loses nothing either way.
	Fsync bool
	// Database is created by StartPostgres when it initialises the data directory; empty means only "postgres" exists.
	Database string
	// Port is Redis's loopback port; 0 takes a free one. Postgres has none.
	Port int
	// Settings are added to the server's configuration and win over the defaults.
	Settings map[string]string
	// Log receives a line per start, wait and unexpected end; nil discards them.
	Log *slog.Logger
}

const (
	startTimeout = 30 * time.Second // crash recovery of a large database included
	stopTimeout  = 10 * time.Second
	lockTimeout  = 10 * time.Second // Postgres gives its own children 5 s at an immediate shutdown
	pollInterval = 3 * time.Millisecond
)

func (o Options) logger() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}

// merged returns defaults overridden by Settings, in a stable order.
func (o Options) merged(defaults map[string]string) [][2]string {
	all := make(map[string]string, len(defaults)+len(o.Settings))
	for k, v := range defaults {
		all[k] = v
	}
	for k, v := range o.Settings {
		all[k] = v
	}
	pairs := make([][2]string, 0, len(all))
	for k, v := range all {
		pairs = append(pairs, [2]string{k, v})
	}
	sort.Slice(pairs, func(i, j int) bool { return pairs[i][0] < pairs[j][0] })
	return pairs
}
