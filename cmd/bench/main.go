// Command bench measures what the product promises about speed, each figure beside its limit or a stand-in in the same run, and prints a table.
// It starts what it needs: a private Postgres with fsync on, Redis, a provider that accepts everything, and the built binary. All load stays on
// the loopback, and ends with the command.
//
//	bench [-only P1,P7] [-rounds 5] [-binary bin/switchboard] [-json file] [-profile folder]
//	bench -growth [-only TENANTS,FLEET]
//
// Imports: cmd/bench/standin, db, internal/auth, internal/embedded, internal/inbox, internal/jobs, internal/secret, migrations, gorilla/websocket,
// pgx.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/switchboard-inbox/switchboard/cmd/bench/standin"
)

// options are the flags.
type options struct {
	only    map[string]bool
	rounds  int
	binary  string
	json    string
	profile string
	top     int
	growth  bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == "standin" {
		err := standin.Run(ctx, standin.Config{DatabaseURL: os.Getenv("DATABASE_URL"), RedisURL: os.Getenv("REDIS_URL"),
			ProviderURL: os.Getenv("PROVIDER_URL"), Secret: appSecret})
		fmt.Fprintln(os.Stderr, "stand-ins:", err)
		return
	}
	o, only := options{only: map[string]bool{}}, ""
	flag.StringVar(&only, "only", os.Getenv("BENCH"), "measure only these, comma between")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each side is measured; the median counts")
	flag.StringVar(&o.binary, "binary", "bin/switchboard", "the binary to measure")
	flag.StringVar(&o.json, "json", "bin/bench.json", "where the figures go")
	flag.StringVar(&o.profile, "profile", os.Getenv("BENCH_PROFILE"), "folder for CPU profiles of the product; empty: none")
	flag.IntVar(&o.top, "top", 0, "print so many of the product's statements that took most of the database's time")
	flag.BoolVar(&o.growth, "growth", false, "print, as Markdown, what things cost as the work grows, instead of the goals")
	flag.Parse()
	for name := range strings.FieldsFuncSeq(only, func(r rune) bool { return r == ',' || r == ' ' }) {
		o.only[strings.ToUpper(name)] = true
	}
	if err := o.known(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if err := run(ctx, o); err != nil { // a figure that is missing is no failure of the build
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// known returns an error that names what is to be measured and cannot be.
func (o options) known() error {
	names := []string{}
	for _, m := range measures() {
		names = append(names, m.id)
	}
	if o.growth {
		names = names[:0]
		for _, t := range (&bench{}).growths() {
			names = append(names, t.name)
		}
	}
	unknown := []string{}
	for name := range o.only {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("there is no measure %s; there are %s", strings.Join(unknown, ", "), strings.Join(names, ", "))
}

func run(ctx context.Context, o options) error {
	begun := time.Now()
	if o.profile != "" {
		if err := os.MkdirAll(o.profile, 0o755); err != nil { //nolint:gosec // profiles are for everybody to read
			return err
		}
	}
	if !o.growth {
		if err := os.Remove(o.json); err != nil && !errors.Is(err, fs.ErrNotExist) { // a run that fails does not leave the figures of another
			return err
		}
	}
	p, err := openPlace(ctx, o)
	if err != nil {
		return err
	}
	defer p.close()
	b := &bench{place: p, options: o}
	if o.growth {
		b.grow(ctx, os.Stdout)
		return nil
	}
	for _, m := range measures() {
		if len(o.only) > 0 && !o.only[m.id] || ctx.Err() != nil {
			continue
		}
		if _, err := p.pool.Exec(ctx, `CHECKPOINT`); err != nil { // between measures, so that none falls into one
			return err
		}
		at := time.Now()
		fmt.Fprintf(os.Stderr, "%-4s %s", m.id, m.what)
		if err := m.run(ctx, b, m); err != nil {
			fmt.Fprintf(os.Stderr, ": %v", err)
			b.rows = append(b.rows, row{ID: m.id, What: m.what + ": not measured, " + err.Error(), Goal: m.goal})
		}
		fmt.Fprintf(os.Stderr, " (%.0f s)\n", time.Since(at).Seconds())
	}
	if err := b.printTop(ctx, os.Stdout); err != nil {
		return err
	}
	b.print(os.Stdout, time.Since(begun))
	return b.write(o.json)
}
