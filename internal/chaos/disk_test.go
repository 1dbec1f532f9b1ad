package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// disk is a file system of a fixed size.
type disk struct{ dir string }

// mount makes a disk of so many megabytes. Only root may, and not everywhere; without it the test is skipped.
func mount(t *testing.T, dir string, megabytes int) *disk {
	t.Helper()
	if err := os.Mkdir(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0711", megabytes)); err != nil {
		t.Skipf("needs root: a disk that can be filled takes the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return &disk{dir: dir}
}

// fill takes all the space that is left, in addition to what it has taken before. It returns how to give it all back.
func (d *disk) fill() (free func() error, err error) {
	ballast := filepath.Join(d.dir, "ballast")
	file, err := os.OpenFile(ballast, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	for size := 1 << 20; size > 0; {
		_, err := file.Write(make([]byte, size))
		switch {
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case err != nil:
			return nil, errors.Join(err, file.Close())
		}
	}
	return func() error { return os.Remove(ballast) }, file.Close()
}

// fillDisk takes the space away that Postgres needs. While there is none, webhooks are refused with a status that makes providers come
// again; when Postgres has given up, it is started again once there is space.
func fillDisk(w *world, n int) {
	w.linger(500*time.Millisecond, 2*time.Second)
	refused := w.load.refused.Load()
	free, err := w.disk.fill()
	if err != nil {
		w.t.Fatal(err)
	}
	for stop := time.Now().Add(time.Minute); w.load.refused.Load() == refused; w.linger(50*time.Millisecond, 100*time.Millisecond) {
		if time.Now().After(stop) {
			w.t.Error("the disk is full, and for a minute nobody was refused with 503")
			break
		}
		// What was freed meanwhile, such as the space of a segment of the log that was given back, is taken again.
		if _, err := w.disk.fill(); err != nil {
			w.t.Fatal(err)
		}
	}
	if n%2 == 1 {
		w.exhaust()
	}
	w.linger(2*time.Second, 5*time.Second)
	if err := free(); err != nil {
		w.t.Fatal(err)
	}
	// A Postgres that cannot write its log ends, and does not come back before it can; one that met the end elsewhere goes on by itself.
	if !within(5*time.Second, w.writes) {
		if err := w.resume(w.postgres()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.back()
	w.linger(time.Second, 2*time.Second)
}

// exhaust has Postgres begin one segment of its log after the other until there is none left, which is its end, unless a checkpoint frees
// old ones quickly enough.
func (w *world) exhaust() {
	ended := w.postgres().Done()
	within(20*time.Second, func() bool {
		_ = w.exec("SELECT pg_switch_wal()") // it may have ended
		_ = w.exec("SELECT pg_create_restore_point('a line for the new segment')")
		select {
		case <-ended:
			return true
		default:
			return false
		}
	})
}

// writes reports whether the database takes a write.
func (w *world) writes() bool {
	return w.sql(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "UPDATE app.clock SET shift = shift")
		return err
	}) == nil
}
