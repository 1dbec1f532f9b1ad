package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	lockName   = "lock"
	logName    = "server.log"
	maxLogSize = 16 << 20
	sharedRoot = "/var/lib/switchboard"
)

// errUnreachable means that this process is root and no unprivileged user, real or mapped, can work in the directory.
var errUnreachable = errors.New("no unprivileged user can reach the data directory")

// home is the directory of one server, and the user its processes run as.
type home struct {
	dir  string
	who  identity
	lock *os.File
	log  *os.File
}

// open prepares <root>/<name>: the directory, the user, the lock and the log file. The caller closes it.
func open(ctx context.Context, root, name string, log *slog.Logger) (*home, error) {
	if root == "" {
		return nil, errors.New("embedded: Options.Dir is empty")
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	dir, who, err := settle(root, name, log)
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir, who: who}
	if h.lock, err = acquire(ctx, h.path(lockName), log); err != nil {
		return nil, err
	}
	if err := h.openLog(); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// settle makes the server's directory and decides who runs in it. When no user can, the directory moves to sharedRoot
// under a name that is derived from the wanted one; the next start finds it there again, whatever has become possible.
func settle(root, name string, log *slog.Logger) (string, identity, error) {
	sum := sha256.Sum256([]byte(root))
	moved := filepath.Join(sharedRoot, filepath.Base(root)+"-"+hex.EncodeToString(sum[:4]))
	dir := filepath.Join(root, name)
	if _, err := os.Stat(filepath.Join(moved, name, "data")); err != nil {
		if err := makeReachable(root, dir); err != nil {
			return "", identity{}, err
		}
		who, err := chooseIdentity(dir)
		if !errors.Is(err, errUnreachable) {
			return dir, who, err
		}
	}
	log.Warn("the data directory cannot be reached by an unprivileged user; its files are kept elsewhere", "wanted", root, "used", moved)
	dir = filepath.Join(moved, name)
	if err := makeReachable(sharedRoot, moved, dir); err != nil {
		return "", identity{}, err
	}
	who, err := chooseIdentity(dir)
	return dir, who, err
}

// makeReachable creates the directories and lets other users pass through them, without letting them look.
func makeReachable(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return fmt.Errorf("create data directory: %w", err)
		}
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if os.Geteuid() == 0 && info.Mode().Perm()&0o011 != 0o011 {
			if err := os.Chmod(dir, info.Mode().Perm()|0o011); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

// private makes a directory that only the server's user can enter.
func (h *home) private(name string) (string, error) {
	path := h.path(name)
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return path, h.who.own(path)
}

// openLog opens the log for appending; one that has grown too large starts anew. The server gets the file itself rather
// than a pipe, so that it can still write when its parent is gone.
func (h *home) openLog() error {
	path := h.path(logName)
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogSize {
		if err := os.Truncate(path, 0); err != nil {
			return err
		}
	}
	var err error
	h.log, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return err
}

// command prepares a process of this home: its user, its environment, its death with the parent.
func (h *home) command(bin binary, arg ...string) *exec.Cmd {
	cmd := exec.Command(bin.path, arg...)
	cmd.Env = append([]string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"}, bin.env...)
	cmd.Dir = h.dir
	cmd.SysProcAttr = h.who.attributes(syscall.SIGKILL)
	return cmd
}

// server prepares a long-running process: it holds the lock, writes the log, and gets a death signal of its choice.
func (h *home) server(death syscall.Signal, bin binary, arg ...string) *exec.Cmd {
	cmd := h.command(bin, arg...)
	cmd.SysProcAttr = h.who.attributes(death)
	cmd.ExtraFiles = []*os.File{h.lock}
	cmd.Stdout, cmd.Stderr = h.log, h.log
	return cmd
}

func (h *home) close() {
	if h.log != nil {
		_ = h.log.Close()
	}
	_ = h.lock.Close()
}

// logSize returns where the next line of the log will begin.
func (h *home) logSize() int64 {
	info, err := h.log.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// tail returns the last lines of a file, but nothing before offset from, for an error message.
func tail(path string, from int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil {
		from = max(from, info.Size()-1500)
	}
	_, _ = f.Seek(from, io.SeekStart)
	text, _ := io.ReadAll(f)
	return strings.TrimSpace(string(text))
}

func removeAll(paths []string) error {
	for _, path := range paths {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}
