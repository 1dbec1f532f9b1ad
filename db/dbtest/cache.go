package dbtest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
	"github.com/switchboard-inbox/switchboard/migrations"
)

// cache keeps one initialised and migrated data directory per schema in the user's cache folder, since every test binary
// needs one: copying it takes a tenth of the time that initdb and the migrations take. It is only a short cut: whatever
// goes wrong with it, the directory is made anew, and the migrator runs on a copy too.
type cache struct {
	root string
	dir  string // of this schema and server
}

const (
	cacheFormat = "1" // raise it when a data directory is made in another way
	cacheLife   = 7 * 24 * time.Hour
)

// openCache names the entry for the migrations, the server's version and the user. It fails when there is no home folder.
func openCache() (*cache, error) {
	root, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	version, err := embedded.PostgresVersion()
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, cacheFormat, version, os.Geteuid())
	err = fs.WalkDir(migrations.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(migrations.Files, path)
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		return nil, err
	}
	c := &cache{root: filepath.Join(root, "switchboard-test")}
	c.dir = filepath.Join(c.root, hex.EncodeToString(sum.Sum(nil)[:8]))
	return c, nil
}

// restore copies the entry to data. It returns false when there is none or when the copy fails.
func (c *cache) restore(data string) bool {
	if _, err := os.Stat(c.dir); err != nil {
		return false
	}
	if err := os.MkdirAll(filepath.Dir(data), 0o711); err != nil {
		return false
	}
	if err := copyTree(c.dir, data); err != nil {
		_ = os.RemoveAll(data)
		return false
	}
	return true
}

// save makes an entry of the data directory of a stopped server. Several processes may do so at once: the first wins.
func (c *cache) save(data string) error {
	if err := os.MkdirAll(c.root, 0o700); err != nil {
		return err
	}
	c.expire()
	unfinished, err := os.MkdirTemp(c.root, "unfinished-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(unfinished) }()
	copied := filepath.Join(unfinished, "data")
	if err := copyTree(data, copied); err != nil {
		return err
	}
	if err := os.Rename(copied, c.dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// expire removes the entries of schemas that are no longer developed.
func (c *cache) expire() {
	entries, _ := os.ReadDir(c.root)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > cacheLife {
			_ = os.RemoveAll(filepath.Join(c.root, e.Name()))
		}
	}
}

// copyTree copies with owners and modes. cp shares the blocks where the file system can.
func copyTree(from, to string) error {
	out, err := exec.Command("cp", "-a", "--reflink=auto", "--", from, to).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cp: %w: %s", err, out)
	}
	return nil
}
