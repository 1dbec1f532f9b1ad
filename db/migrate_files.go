package db

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// hurried are migrations of which each that is a transaction waits for a lock no longer than the time: the limit is its first statement, so that
// it ends with it.
type hurried struct {
	files fs.FS
	wait  time.Duration
}

// Open implements fs.FS.
func (h hurried) Open(name string) (fs.File, error) {
	file, err := h.files.Open(name)
	if err != nil || name == "." {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("read migration %s: %w", name, err)
	}
	if !bytes.Contains(text, []byte("-- +goose NO TRANSACTION")) {
		begin := []byte("-- +goose Up\n")
		text = bytes.Replace(text, begin, fmt.Appendf(begin, "SET LOCAL lock_timeout = %d;\n", h.wait.Milliseconds()), 1)
	}
	return hurriedFile{File: file, text: bytes.NewReader(text)}, nil
}

type hurriedFile struct {
	fs.File
	text *bytes.Reader
}

// Read implements fs.File.
func (f hurriedFile) Read(into []byte) (int, error) { return f.text.Read(into) }
