package dbtest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

const dirPrefix = "switchboard-test-"

// directory is a temporary directory that is removed when this process has ended, in whatever way: a test process has no
// last moment of its own, so a shell waits for the other end of a pipe to close.
type directory struct {
	path    string
	janitor *exec.Cmd
	pipe    io.Closer // open as long as the directory is needed
}

// The servers are dying while their files go, and may write a last one: hence several attempts.
const janitorScript = `read -r _; for i in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$1" && exit; sleep 0.3; done`

// base returns where test data goes: into memory where there is plenty, since creating a database means creating some
// three hundred files, else where temporary files go. TMPDIR overrides it.
func base() string {
	const shm, plenty = "/dev/shm", 4 << 30
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || keep() || syscall.Statfs(shm, &fs) != nil {
		return os.TempDir()
	}
	if fs.Bavail*uint64(fs.Bsize) < plenty {
		return os.TempDir()
	}
	return shm
}

// temporary makes a directory; with SWITCHBOARD_TEST_KEEP=1 it stays for ever.
func temporary() (*directory, error) {
	path, err := os.MkdirTemp(base(), dirPrefix)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o711); err != nil {
		return nil, err
	}
	d := &directory{path: path}
	if keep() {
		return d, os.WriteFile(filepath.Join(path, "keep"), nil, 0o600)
	}
	d.janitor = exec.Command("/bin/sh", "-c", janitorScript, "janitor", path)
	d.janitor.Dir = "/"
	d.janitor.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // survives Ctrl-C
	if d.pipe, err = d.janitor.StdinPipe(); err != nil {
		return nil, err
	}
	return d, d.janitor.Start()
}

// remove deletes the directory now.
func (d *directory) remove() error {
	if d.janitor == nil {
		return nil
	}
	return errors.Join(d.pipe.Close(), d.janitor.Wait())
}

// sweep removes what processes left whose janitor was killed too. A directory counts as left when it is old enough to
// have its locks, and nobody holds them.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(base(), dirPrefix+"*"))
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "keep")); err == nil {
			continue
		}
		if unused(filepath.Join(dir, "postgres")) && unused(filepath.Join(dir, "redis")) {
			_ = os.RemoveAll(dir)
		}
	}
}

// unused tells whether a server directory is missing or abandoned.
func unused(dir string) bool {
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return true
	}
	return embedded.Abandoned(dir)
}
