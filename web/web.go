// Package web holds the built agent app and serves it.
//
// Imports: the standard library only.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// The built app. On a fresh clone there is only a placeholder, so that the program compiles before `make web` has run.
//
//go:embed all:dist
var dist embed.FS

//go:embed src/api/operations/*.graphql
var operations embed.FS

const (
	index = "index.html"
	// contentPolicy allows the app its own files and its own server, nothing inline and nothing evaluated (RELIABILITY H42). React sets
	// styles through the object model, which the policy does not forbid.
	contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; " +
		"media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; " +
		"frame-ancestors 'none'; require-trusted-types-for 'script'"
	notBuilt = "The agent app is not built into this binary. Run `make web`, then build again.\n"
)

// file is one file of the app, ready to be sent.
type file struct {
	plain, zipped []byte // zipped is nil where compression does not pay
	kind          string
	tag           string
	immutable     bool // its name changes with its content
}

// Operations returns the folder of the GraphQL documents that the agent app sends.
func Operations() fs.FS {
	folder, err := fs.Sub(operations, "src/api/operations")
	if err != nil {
		// Only a malformed path does that, and it is a constant.
		panic(err)
	}
	return folder
}

// Handler returns the handler of the agent app: its files, and its page for every other path, since the app routes by itself. Without
// a built app it answers 503 and says how to build it.
func Handler() http.Handler {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		// Only a malformed path does that, and it is a constant.
		panic(err)
	}
	return newHandler(built)
}

// newHandler reads all files once: there are few, and each is then sent from memory, compressed once.
func newHandler(built fs.FS) http.Handler {
	files := map[string]file{}
	err := fs.WalkDir(built, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		content, err := fs.ReadFile(built, name)
		if err == nil {
			files[name] = newFile(name, content)
		}
		return err
	})
	if err != nil {
		// Embedded files are in memory; that they cannot be read is a defect of the build.
		panic(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, files) })
}

func newFile(name string, content []byte) file {
	sum := sha256.Sum256(content)
	f := file{plain: content, tag: hex.EncodeToString(sum[:12]), immutable: strings.HasPrefix(name, "assets/")}
	var text bool
	if f.kind, text = kindOf(path.Ext(name)); text {
		f.zipped = zip(content)
	}
	return f
}

// kindOf returns the content type of a file of the app, and whether it is text. The machine's own tables are not asked: some call
// scripts plain text, which a browser told not to guess then refuses to run.
func kindOf(extension string) (kind string, text bool) {
	switch extension {
	case ".html":
		return "text/html; charset=utf-8", true
	case ".js":
		return "text/javascript; charset=utf-8", true
	case ".css":
		return "text/css; charset=utf-8", true
	case ".svg":
		return "image/svg+xml", true
	case ".woff2":
		return "font/woff2", false
	}
	return "application/octet-stream", false
}

// zip returns the compressed content, or nil when that is not smaller.
func zip(content []byte) []byte {
	var out bytes.Buffer
	writer, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := writer.Write(content); err != nil {
		return nil
	}
	if err := writer.Close(); err != nil || out.Len() >= len(content) {
		return nil
	}
	return out.Bytes()
}

func serve(w http.ResponseWriter, r *http.Request, files map[string]file) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	found, ok := files[name]
	if !ok && strings.HasPrefix(name, "assets/") {
		// A page from before the last deployment asks for a file that is gone. The app's page in its place would be run as a script.
		header.Set("Cache-Control", "no-store")
		http.NotFound(w, r)
		return
	}
	if !ok {
		found, ok = files[index]
	}
	if !ok {
		header.Set("Cache-Control", "no-store")
		http.Error(w, notBuilt, http.StatusServiceUnavailable)
		return
	}
	send(w, r, found)
}

func send(w http.ResponseWriter, r *http.Request, f file) {
	header := w.Header()
	header.Set("Content-Type", f.kind)
	header.Set("Cache-Control", "no-cache")
	if f.immutable {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, tag := f.plain, f.tag
	if f.zipped != nil {
		header.Set("Vary", "Accept-Encoding")
		// Whole answers only: a part of a compressed file is of no use.
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && r.Header.Get("Range") == "" {
			body, tag = f.zipped, f.tag+"-gzip"
			header.Set("Content-Encoding", "gzip")
		}
	}
	header.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
