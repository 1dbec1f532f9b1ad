package inbox_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/blob"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// graph plays the part of Meta's Graph API that hands out files.
type graph struct {
	*httptest.Server
	file   []byte
	status atomic.Int64 // of the file's answer
	asked  atomic.Int64
}

func newGraph(t *testing.T, file []byte) *graph {
	g := &graph{file: file}
	g.status.Store(http.StatusOK)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v23.0/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"url":"`+g.URL+`/file","id":"`+r.PathValue("id")+`"}`)
	})
	mux.HandleFunc("GET /file", func(w http.ResponseWriter, r *http.Request) {
		g.asked.Add(1)
		if r.Header.Get("Authorization") != "Bearer token-1" {
			t.Errorf("Authorization = %q", r.Header.Get("Authorization"))
		}
		w.WriteHeader(int(g.status.Load()))
		_, _ = w.Write(g.file)
	})
	g.Server = httptest.NewServer(mux)
	t.Cleanup(g.Close)
	return g
}

// library is everything that fetches the house's files.
type library struct {
	*inbox.Media
	house *house
	blobs *blob.Bucket
	id    uuid.UUID
}

func (h *house) library(g *graph) *library {
	t := h.world.t
	t.Helper()
	keys, err := secret.ParseKeyring("k1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	must(t, err)
	sealed := keys.Seal([]byte(`{"accessToken":"token-1","appSecret":"s"}`), inbox.CredentialsPlace(h.tenant, h.account))
	h.world.exec("UPDATE channel_accounts SET credentials_sealed = $1 WHERE id = $2", sealed, h.account)
	provider, err := meta.New(meta.Config{BaseURL: g.URL})
	must(t, err)
	registry, err := channel.NewRegistry(provider)
	must(t, err)
	blobs, err := blob.Open(context.Background(), "file://"+t.TempDir()+"/files")
	must(t, err)
	t.Cleanup(func() { _ = blobs.Close() })
	in := h.world.ingest()
	h.world.send(in, h.item(channel.Inbound{ExternalID: "p1", From: channel.Sender{Phone: "+491711234567"}, Kind: channel.KindImage, Text: "look",
		Content: channel.Content{Media: &channel.Media{ID: "555", MIMEType: "image/svg+xml", Filename: "cat.png"}}}))
	return &library{
		Media: inbox.NewMedia(inbox.MediaConfig{Store: h.world.DB, Providers: registry, Vault: inbox.NewVault(h.world.DB, keys, time.Now), Blobs: blobs,
			Clock: time.Now, Log: slog.New(slog.DiscardHandler)}),
		house: h, blobs: blobs, id: one[uuid.UUID](h.world, "SELECT id FROM attachments"),
	}
}

func (l *library) fetch() {
	must(l.house.world.t, l.FetchMedia(context.Background(), l.house.tenant, l.id))
}

func (l *library) state() string { return one[string](l.house.world, "SELECT state FROM attachments") }

// later moves the database's clock, so that what is not due yet becomes due.
func (l *library) later(d time.Duration) {
	l.house.world.exec("UPDATE app.clock SET shift = shift + $1", d)
}

func picture(t *testing.T, width, height int) []byte {
	var b bytes.Buffer
	must(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))))
	return b.Bytes()
}

func TestMediaFollowsItsMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("5001")
	file := picture(t, 8, 8)
	g := newGraph(t, file)
	l := h.library(g)
	if l.state() != "PENDING" || w.count("messages") != 1 {
		t.Fatal("the message is not shown before its file")
	}
	g.status.Store(http.StatusServiceUnavailable)
	l.fetch()
	l.fetch() // not due: nothing happens
	if l.state() != "PENDING" || g.asked.Load() != 1 {
		t.Fatalf("%s after %d calls", l.state(), g.asked.Load())
	}
	g.status.Store(http.StatusOK)
	l.later(10 * time.Second)
	l.fetch()
	l.fetch()
	if l.state() != "STORED" || g.asked.Load() != 2 {
		t.Fatalf("%s after %d calls", l.state(), g.asked.Load())
	}
	reader := inbox.New(w.DB, time.Now)
	a, err := reader.Attachment(context.Background(), inbox.SystemActor(h.tenant), l.id)
	must(t, err)
	if a.MIMEType != "image/png" || a.SizeBytes != int64(len(file)) || len(a.SHA256) != 32 || len(a.BlobKey) < 20 {
		t.Errorf("attachment = %+v", a)
	}
	body, err := l.blobs.Open(context.Background(), a.BlobKey)
	must(t, err)
	defer body.Close()
	if stored, err := io.ReadAll(body); err != nil || !bytes.Equal(stored, file) {
		t.Errorf("%d bytes stored of %d: %v", len(stored), len(file), err)
	}
	events := h.events()
	if events[len(events)-1] != "MESSAGE_CHANGED" || len(events) != 3 {
		t.Errorf("events = %v", events)
	}
	stranger := inbox.AgentActor(h.tenant, newID(t), newID(t), inbox.RoleAgent, nil)
	if _, err := reader.Attachment(context.Background(), stranger, l.id); !fault.Is(err, fault.NotFound) {
		t.Errorf("an agent who does not see the conversation: %v", err)
	}
}

func TestMediaThatNeverComes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file   []byte
		status int64
		reason string
	}{
		"gone":            {nil, http.StatusNotFound, "no longer"},
		"too large":       {make([]byte, 25<<20+1), http.StatusOK, "25 MB"},
		"too many pixels": {picture(t, 8000, 5001), http.StatusOK, "40 million"},
		"always failing":  {nil, http.StatusInternalServerError, "did not hand out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			h := w.house("5002")
			g := newGraph(t, c.file)
			g.status.Store(c.status)
			l := h.library(g)
			for range 20 {
				l.fetch()
				l.later(24 * time.Hour)
			}
			if l.state() != "FAILED" {
				t.Fatalf("state = %s after %d calls", l.state(), g.asked.Load())
			}
			if c.status == http.StatusInternalServerError && g.asked.Load() != 9 {
				t.Errorf("%d calls, want 9", g.asked.Load())
			}
			reason := one[string](w, "SELECT failed_reason FROM attachments")
			if !strings.HasPrefix(reason, "media unavailable: ") || !strings.Contains(reason, c.reason) {
				t.Errorf("reason = %q", reason)
			}
			// It can be asked for again.
			g.file = picture(t, 2, 2)
			reader := inbox.New(w.DB, time.Now)
			g.status.Store(http.StatusOK)
			must(t, reader.RetryMedia(context.Background(), inbox.SystemActor(h.tenant), l.id))
			l.fetch()
			if l.state() != "STORED" {
				t.Errorf("state = %s after the retry", l.state())
			}
			if err := reader.RetryMedia(context.Background(), inbox.SystemActor(h.tenant), l.id); !fault.Is(err, fault.Conflict) {
				t.Errorf("retrying a stored file: %v", err)
			}
		})
	}
}

// stopping is a store of files that has just kept one when the process is told to stop.
type stopping struct {
	inbox.Blobs
	stop context.CancelFunc
}

func (s stopping) Put(ctx context.Context, key string, content io.Reader) error {
	defer s.stop()
	return s.Blobs.Put(ctx, key, content)
}

// A file that was kept when the worker was told to stop is written down, so that no bytes lie there unknown.
func TestMediaThatIsHereAtTheStopIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("5003")
	l := h.library(newGraph(t, picture(t, 8, 8)))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	l.Blobs = stopping{Blobs: l.blobs, stop: stop}
	must(t, l.FetchMedia(ctx, h.tenant, l.id))
	if l.state() != "STORED" {
		t.Errorf("the file is %s", l.state())
	}
}
