package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func measureStart(ctx context.Context, b *bench, m measure) error {
	our, _, err := b.compare(ctx, m.id, plain(func(ctx context.Context) (float64, error) {
		fresh, err := b.start(ctx, "serve")
		if err != nil {
			return 0, err
		}
		fresh.stop()
		return ms(fresh.ready), nil
	}), nil)
	if err != nil {
		return err
	}
	b.within(m, "serve on a migrated database until /readyz", our.figure(), "ms", 300)
	return b.measureRun(ctx, m)
}

// measureRun does what `make run` does, in a folder of its own: it looks whether all is installed and built, and starts everything.
func (b *bench) measureRun(ctx context.Context, m measure) error {
	dir, err := os.MkdirTemp("", "switchboard-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // the servers may run as another user, who passes through
		return err
	}
	binary := filepath.Join(dir, "switchboard")
	if err := copyFile(b.binary, binary); err != nil {
		return err
	}
	if _, err := runOnce(ctx, dir, binary); err != nil { // the first time makes the data and tells the demo's story
		return err
	}
	again, _, err := b.compare(ctx, m.id+"-run", plain(func(ctx context.Context) (float64, error) { return runOnce(ctx, dir, binary) }), nil)
	if err != nil {
		return err
	}
	b.within(m, "make run the second time: setup check, build check, dev until ready", again.figure(), "s", 3)
	return nil
}

// runOnce returns the seconds until `dev` says that it is ready, and stops it.
func runOnce(ctx context.Context, dir, binary string) (float64, error) {
	begun := time.Now()
	for _, check := range [][]string{{"tools/setup.sh", "run"}, {"go", "build", "-o", binary, "./cmd/switchboard"}} {
		if out, err := exec.CommandContext(ctx, check[0], check[1:]...).CombinedOutput(); err != nil { //nolint:gosec // constants, and our own folder
			return 0, errors.Join(errors.New(string(out)), err)
		}
	}
	c := &process{cmd: exec.CommandContext(ctx, binary, "dev")} //nolint:gosec // the binary that is to be measured
	c.cmd.Env = append(os.Environ(), "SWITCHBOARD_DATA_DIR="+filepath.Join(dir, "data"), "PORT=0", "ADMIN_ADDR=127.0.0.1:0", "SIMULATOR_ADDR=127.0.0.1:0")
	c.cmd.Stderr, c.cmd.SysProcAttr = os.Stderr, dying()
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := c.cmd.Start(); err != nil {
		return 0, err
	}
	defer c.stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "is ready") {
			took := time.Since(begun).Seconds()
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return took, nil
		}
	}
	return 0, errors.New("dev does not become ready")
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755) //nolint:gosec // a program
}
