package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/demo"
	"github.com/switchboard-inbox/switchboard/internal/embedded"
	"github.com/switchboard-inbox/switchboard/internal/secret"
	"github.com/switchboard-inbox/switchboard/internal/simulator"
	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

// dev runs the whole product in one process, with servers of its own, for somebody who wants to see it or works on it.
func dev(ctx context.Context, args []string) error {
	if err := parse(flags("dev", ""), args); err != nil {
		return err
	}
	started := time.Now()
	e, err := readEnvironment(needs{})
	if err != nil {
		return err
	}
	d, err := newDevelopment(e)
	if err != nil {
		return err
	}
	defer func() { _ = d.logFile.Close() }()
	if err := d.startServers(ctx); err != nil {
		return errors.Join(err, d.stopServers())
	}
	err = d.run(ctx, started)
	return errors.Join(err, d.stopServers(), removeIfThere(d.facts()))
}

// development is one data directory at work.
type development struct {
	env     environment
	dir     string
	log     *slog.Logger
	logFile *os.File
	clock   shiftedClock
	kept    keptFile
	past    time.Duration // how far back the untold part of the demo's story begins; 0: it is told

	postgres *embedded.Postgres
	redis    *embedded.Redis
}

// shiftedClock is the time of the installation: the real one, except while the demo's past is told.
type shiftedClock struct{ by atomic.Int64 }

func (c *shiftedClock) now() time.Time { return time.Now().Add(time.Duration(c.by.Load())) }

// newDevelopment makes the data directory with its keys. The log goes to a file there, so that the terminal stays readable.
func newDevelopment(e environment) (*development, error) {
	dir, err := filepath.Abs(e.DataDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o711); err != nil { // the servers may run as another user, who passes through
		return nil, err
	}
	d := &development{env: e, dir: dir}
	if d.kept, err = readKept(filepath.Join(dir, "keys.env")); err != nil {
		return nil, err
	}
	if err := d.kept.fill(&d.env); err != nil {
		return nil, err
	}
	if d.logFile, err = openLog(filepath.Join(dir, "switchboard.log")); err != nil {
		return nil, err
	}
	d.log = telemetry.NewLogger(d.logFile, e.LogLevel)
	d.env.Introspection = true
	if d.env.BindHost == "" { // everybody knows the demo's passwords
		d.env.BindHost = "127.0.0.1"
	}
	if d.env.BlobURL == "" {
		d.env.BlobURL = "file://" + filepath.Join(dir, "files")
	}
	// The facts of one that runs here are left alone: it is this one that will be refused.
	if syscall.Flock(int(d.logFile.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return d, nil
	}
	return d, errors.Join(removeIfThere(d.facts()), removeIfThere(d.facts()+".new"))
}

// startServers starts what the environment does not name, both at once, and migrates.
func (d *development) startServers(ctx context.Context) error {
	options := embedded.Options{Dir: d.dir, Fsync: true, Database: "switchboard", Log: d.log}
	var group errgroup.Group
	if d.env.DatabaseURL.IsZero() {
		group.Go(func() (err error) {
			d.postgres, err = embedded.StartPostgres(ctx, options)
			return err
		})
	}
	if d.env.RedisURL.IsZero() {
		group.Go(func() (err error) {
			d.redis, err = embedded.StartRedis(ctx, options)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if d.postgres != nil {
		d.env.DatabaseURL = secret.NewText(d.postgres.UserURL("switchboard_app", "switchboard"))
		d.env.ListenURL = d.env.DatabaseURL
		d.env.MigrateURL = secret.NewText(d.postgres.URL("switchboard"))
	}
	if d.redis != nil {
		d.env.RedisURL = secret.NewText(d.redis.URL())
	}
	return db.Migrate(ctx, d.env.MigrateURL.Reveal(), d.log)
}

// stopServers stops what startServers started, when nothing uses it any more.
func (d *development) stopServers() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if d.redis != nil {
		err = errors.Join(err, d.redis.Stop(ctx))
	}
	if d.postgres != nil {
		err = errors.Join(err, d.postgres.Stop(ctx))
	}
	return err
}

// run builds every part and runs them until ctx ends; the story is told while they run.
func (d *development) run(ctx context.Context, started time.Time) error {
	vendor, err := listen(ctx, "SIMULATOR_ADDR", d.env.SimulatorAddr)
	if err != nil {
		return err
	}
	d.env.MetaBaseURL = "http://" + vendor.Addr().String()
	if problems := d.env.check(everything()); len(problems) > 0 {
		return errors.Join(append(problems, vendor.Close())...)
	}
	p, err := openPlatform(ctx, d.env, d.log, d.clock.now)
	if err != nil {
		return errors.Join(err, vendor.Close())
	}
	defer p.close()
	api, err := p.newAPI(ctx)
	if err != nil {
		return errors.Join(err, vendor.Close())
	}
	port := api.listener.Addr().(*net.TCPAddr).Port
	state := simulator.Config{
		CallbackURL: "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) + "/webhooks/meta",
		AppSecret:   d.env.MetaAppSecret.Reveal(), StateDir: filepath.Join(d.dir, "simulator"), Log: d.log, Now: d.clock.now,
	}
	if state.Accounts, err = d.people(ctx, p, state.CallbackURL); err != nil {
		return errors.Join(err, vendor.Close(), api.listener.Close())
	}
	s, err := simulator.New(state)
	if err != nil {
		return errors.Join(err, vendor.Close(), api.listener.Close())
	}
	ground := append(p.ground(), simulation(s, vendor, d.log)...)
	host := layer{{"demo", func(ctx context.Context) error { return d.welcome(ctx, api, started) }}}
	return runLayers(ctx, p.stopping, ground, api.live(), p.workers(), layer{{"http", api.run}}, host)
}

// people founds the demo's business in an empty installation and returns its numbers as the simulated vendor knows them.
func (d *development) people(ctx context.Context, p *platform, shared string) ([]simulator.Account, error) {
	operator, err := newOperator(d.env, p.db, p.providers, p.clock)
	if err != nil {
		return nil, err
	}
	if err := d.findPlace(ctx, p); err != nil {
		return nil, err
	}
	if d.past > 0 {
		if err := d.shift(ctx, -d.past); err != nil {
			return nil, err
		}
		if err := demo.Found(ctx, operator, d.env.MetaAppSecret.Reveal(), d.env.MetaVerifyToken.Reveal()); err != nil {
			return nil, err
		}
	}
	return d.numbers(ctx, p, shared)
}

// findPlace finds how much of the demo's story is to be told: all of it in an empty installation, and what is left where a start was
// interrupted. The clock of the database is the bookmark: it stands in the past exactly until the story has been told to its end.
func (d *development) findPlace(ctx context.Context, p *platform) error {
	shift, err := db.ClockShift(ctx, d.env.MigrateURL.Reveal())
	if err != nil {
		return err
	}
	d.past = max(-shift, 0)
	if shift != 0 {
		return nil
	}
	tenants, err := p.db.Tenants(ctx)
	if len(tenants) == 0 {
		d.past = demo.Length
	}
	return err
}

// shift moves every clock of this installation.
func (d *development) shift(ctx context.Context, by time.Duration) error {
	d.clock.by.Store(int64(by))
	return db.ShiftClock(ctx, d.env.MigrateURL.Reveal(), by)
}

// openLog opens the log for appending; one that has grown too large starts anew.
func openLog(path string) (*os.File, error) {
	const most = 64 << 20
	how := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if info, err := os.Stat(path); err == nil && info.Size() > most {
		how |= os.O_TRUNC
	}
	return os.OpenFile(path, how, 0o600)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
