package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// StartStandby copies a running server into o.Dir and starts the copy, which follows it under the application name "standby" and answers
// reads. It fails when the directory holds data already, when pg_basebackup is not installed, or like StartPostgres.
func StartStandby(ctx context.Context, o Options, primary *Postgres) (*Postgres, error) {
	log := o.logger()
	h, err := open(ctx, o.Dir, "postgres", log)
	if err != nil {
		return nil, fmt.Errorf("embedded postgres: %w", err)
	}
	p := &Postgres{opts: o, log: log, home: h, install: primary.install, data: h.path("data")}
	if err = p.copyFrom(ctx, primary); err == nil {
		if err = p.makeSocketDir(); err == nil {
			err = p.launch(ctx)
		}
	}
	if err != nil {
		p.release()
		return nil, fmt.Errorf("embedded postgres: %w", err)
	}
	return p, nil
}

// copyFrom takes a base backup that knows whom to follow.
func (p *Postgres) copyFrom(ctx context.Context, primary *Postgres) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if _, err := os.Stat(p.data); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s exists already", p.data)
	}
	fresh, err := p.home.private("data")
	if err != nil {
		return err
	}
	from := fmt.Sprintf("host='%s' port=%s user=%s application_name=standby", primary.socket, socketPort, superuser)
	arg := []string{"-d", from, "-D", fresh, "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf"}
	if !p.opts.Fsync {
		arg = append(arg, "--no-sync")
	}
	if err := run(ctx, p.home.command(p.install.program("pg_basebackup"), arg...)); err != nil {
		return fmt.Errorf("pg_basebackup: %w", err)
	}
	return nil
}

// Promote makes a standby the primary and returns when it accepts writes. It returns an error when the server is no standby.
func (p *Postgres) Promote(ctx context.Context) error {
	if err := run(ctx, p.home.command(p.install.program("pg_ctl"), "promote", "-w", "-D", p.data)); err != nil {
		return fmt.Errorf("embedded postgres: promote: %w", err)
	}
	return nil
}
