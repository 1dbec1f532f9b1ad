package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// keptFile holds what dev makes once and needs for ever: keys, secrets, and the demo's API key. Only its owner can read it.
type keptFile struct {
	path   string
	values map[string]string
}

// readKept reads lines NAME=value; a file that is not there is empty.
func readKept(path string) (keptFile, error) {
	kept := keptFile{path: path, values: map[string]string{}}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return kept, err
	}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
			kept.values[name] = value
		}
	}
	return kept, nil
}

// fill sets the keys that the environment leaves open to the kept ones, and makes those that are missing.
func (k keptFile) fill(e *environment) error {
	key := make([]byte, 32)
	makeKey := func() string {
		_, _ = rand.Read(key) // never fails
		return "dev:" + base64.StdEncoding.EncodeToString(key)
	}
	changed := false
	for _, v := range []struct {
		name string
		into *secret.Text
		make func() string
	}{
		{"SWITCHBOARD_KEKS", &e.KEKs, makeKey}, {"SWITCHBOARD_JWT_KEYS", &e.JWTKeys, makeKey}, {"SWITCHBOARD_FILE_KEYS", &e.FileKeys, makeKey},
		{"SWITCHBOARD_META_APP_SECRET", &e.MetaAppSecret, rand.Text}, {"SWITCHBOARD_META_VERIFY_TOKEN", &e.MetaVerifyToken, rand.Text},
	} {
		if !v.into.IsZero() {
			continue
		}
		if k.values[v.name] == "" {
			k.values[v.name], changed = v.make(), true
		}
		*v.into = secret.NewText(k.values[v.name])
	}
	if !changed {
		return nil
	}
	return k.save()
}

// keep adds a value to the file.
func (k keptFile) keep(name, value string) error {
	k.values[name] = value
	return k.save()
}

// save writes the file anew, whole or not at all.
func (k keptFile) save() error {
	var text strings.Builder
	text.WriteString("# Made by `switchboard dev`. Without these keys its data cannot be read.\n")
	for _, name := range sortedKeys(k.values) {
		fmt.Fprintf(&text, "%s=%s\n", name, k.values[name])
	}
	return replaceFile(k.path, []byte(text.String()))
}

// replaceFile writes a file that only its owner can read, so that a kill leaves the old one or the new one.
func replaceFile(path string, content []byte) error {
	fresh := path + ".new"
	file, err := os.OpenFile(fresh, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}
