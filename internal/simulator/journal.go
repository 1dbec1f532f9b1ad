package simulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// record is one line of the journal: exactly one field is set. State is nothing but the records applied in order, so that a
// simulator killed at any moment comes back as it was.
type record struct {
	Account  *Account  `json:"account,omitzero"`
	Customer *Customer `json:"customer,omitzero"`
	Message  *Message  `json:"message,omitzero"` // new, or changed
	Media    *Media    `json:"media,omitzero"`
	Call     *Call     `json:"call,omitzero"`     // new, or ended
	Delivery *Delivery `json:"delivery,omitzero"` // new, or moved
	Done     string    `json:"done,omitzero"`     // the id of a delivery that was taken
	Settings *Settings `json:"settings,omitzero"`
}

const journalName = "simulator.jsonl"

// openStore reads the journal in dir, writes it anew without what is over, and keeps it open for appending.
func openStore(dir string, settings Settings, log *slog.Logger) (*store, error) {
	st := newStore(settings, log)
	if dir == "" {
		return st, nil
	}
	st.mediaDir = filepath.Join(dir, "media")
	if err := os.MkdirAll(st.mediaDir, 0o700); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	path := filepath.Join(dir, journalName)
	if err := st.replay(path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	st.file = file
	st.append(st.snapshot())
	if err := errors.Join(file.Sync(), os.Rename(path+".new", path)); err != nil {
		return nil, errors.Join(fmt.Errorf("simulator: %w", err), file.Close())
	}
	return st, nil
}

// replay applies the journal's lines. The last one may be half written, by a process that was killed while writing; it was then
// never acted upon.
func (st *store) replay(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var r record
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			st.log.Warn("the simulator's journal has an unreadable line, which is skipped")
			continue
		}
		st.apply(r)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("simulator: reading %s: %w", path, err)
	}
	return nil
}

// append writes records to the journal. The operating system keeps them when this process is killed; a loss of power is not a case
// that a simulator has to survive, so nothing is synced.
func (st *store) append(records []record) {
	if st.file == nil {
		return
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, r := range records {
		if err := e.Encode(r); err != nil {
			st.log.Error("the simulator cannot write a record", "error", err)
		}
	}
	if _, err := st.file.Write(b.Bytes()); err != nil {
		st.log.Error("the simulator cannot write its journal", "error", err)
	}
}

// saveMedia keeps a file and returns its description.
func (st *store) saveMedia(m Media, data []byte) (Media, error) {
	if st.mediaDir == "" {
		m.Data = data
	} else if err := os.WriteFile(filepath.Join(st.mediaDir, m.ID), data, 0o600); err != nil {
		return Media{}, fmt.Errorf("simulator: %w", err)
	}
	st.commit(record{Media: &m})
	return m, nil
}

// loadMedia returns a file that saveMedia kept.
func (st *store) loadMedia(id string) (Media, []byte, bool) {
	st.mu.Lock()
	m, ok := st.media[id]
	st.mu.Unlock()
	if !ok || m.Data != nil {
		return m, m.Data, ok
	}
	root, err := os.OpenRoot(st.mediaDir)
	if err != nil {
		return m, nil, false
	}
	defer func() { _ = root.Close() }()
	data, err := root.ReadFile(id)
	return m, data, err == nil
}
