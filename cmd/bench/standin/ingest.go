package standin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ingest is the least that a webhook costs: its signature, and journal, contact, conversation and message in one transaction. The requests of
// a tenant that arrive while its last transaction commits share the next one, which is a single round trip.
type ingest struct {
	pool   *pgxpool.Pool
	secret []byte
	wire   *wire

	mu    sync.Mutex
	lanes map[string][]*arrival // of tenants that have a transaction under way
	slots chan struct{}
}

type arrival struct {
	ref, key, phone, text string
	raw                   []byte
	told                  bool // of its message, to whom it may concern
	done                  chan error
}

func newIngest(pool *pgxpool.Pool, secret string, wire *wire) *ingest {
	return &ingest{pool: pool, secret: []byte(secret), wire: wire, lanes: map[string][]*arrival{}, slots: make(chan struct{}, 8)}
}

type webhook struct {
	Entry []struct {
		Changes []struct {
			Value struct {
				Metadata struct {
					Ref string `json:"phone_number_id"`
				} `json:"metadata"`
				Messages []struct {
					ID   string `json:"id"`
					From string `json:"from"`
					Text struct {
						Body string `json:"body"`
					} `json:"text"`
				} `json:"messages"`
			} `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

func (in *ingest) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	mac := hmac.New(sha256.New, in.secret)
	mac.Write(body)
	if !hmac.Equal([]byte(r.Header.Get("X-Hub-Signature-256")), []byte("sha256="+hex.EncodeToString(mac.Sum(nil)))) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	var hook webhook
	if err := json.Unmarshal(body, &hook); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	value := hook.Entry[0].Changes[0].Value
	a := &arrival{ref: value.Metadata.Ref, key: value.Messages[0].ID, phone: value.Messages[0].From, text: value.Messages[0].Text.Body,
		raw: body, told: r.URL.Path == "/push", done: make(chan error, 1)}
	in.enqueue(a)
	if err := <-a.done; err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func (in *ingest) enqueue(a *arrival) {
	in.mu.Lock()
	defer in.mu.Unlock()
	waiting, running := in.lanes[a.ref]
	in.lanes[a.ref] = append(waiting, a)
	if !running {
		go in.run(a.ref)
	}
}

func (in *ingest) run(ref string) {
	for {
		in.slots <- struct{}{}
		in.mu.Lock()
		group := in.lanes[ref]
		if len(group) == 0 {
			delete(in.lanes, ref)
			in.mu.Unlock()
			<-in.slots
			return
		}
		in.lanes[ref] = []*arrival{}
		in.mu.Unlock()
		err := in.store(context.Background(), group)
		<-in.slots
		for _, a := range group {
			if err == nil && a.told {
				in.wire.tell(news{Ref: ref, Key: a.key, Phone: a.phone, Text: a.text, Status: "OPEN", At: time.Now()})
			}
			a.done <- err
		}
	}
}

const (
	insertJournal = `INSERT INTO standin.journal (id, ref, key, raw, at) SELECT unnest($1::uuid[]), $2, unnest($3::text[]), unnest($4::bytea[]), $5
		ON CONFLICT DO NOTHING`
	insertContacts = `INSERT INTO standin.contacts (ref, phone) SELECT DISTINCT $1, unnest($2::text[]) ON CONFLICT DO NOTHING`
	upsertTalks    = `INSERT INTO standin.conversations (ref, phone, status, last_message_at, preview, count)
		SELECT $1, phone, 'OPEN', $4, max(text), count(*) FROM unnest($2::text[], $3::text[]) AS m (phone, text) GROUP BY phone
		ON CONFLICT (ref, phone) DO UPDATE SET last_message_at = excluded.last_message_at, preview = excluded.preview,
		count = standin.conversations.count + excluded.count`
	insertMessages = `INSERT INTO standin.messages (id, ref, phone, key, text, raw, at)
		SELECT unnest($1::uuid[]), $2, unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::bytea[]), $7`
)

func (in *ingest) store(ctx context.Context, group []*arrival) error {
	n := len(group)
	ids, keys, phones, texts, raws := make([][16]byte, n), make([]string, n), make([]string, n), make([]string, n), make([][]byte, n)
	for i, a := range group {
		ids[i], keys[i], phones[i], texts[i], raws[i] = uuid.Must(uuid.NewV7()), a.key, a.phone, a.text, a.raw
	}
	ref, now := group[0].ref, time.Now()
	batch := &pgx.Batch{}
	batch.Queue("begin")
	batch.Queue(insertJournal, ids, ref, keys, raws, now)
	batch.Queue(insertContacts, ref, phones)
	batch.Queue(upsertTalks, ref, phones, texts, now)
	batch.Queue(insertMessages, ids, ref, phones, keys, texts, raws, now)
	batch.Queue("commit")
	return in.pool.SendBatch(ctx, batch).Close()
}
