package outbound

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// callbackLease is how long one call of an alert URL is its caller's.
const callbackLease = time.Minute

var errNoClient = errors.New("no client to call alert URLs with")

// callbackPauses returns the pauses between the tries of one call; after the last it is given up.
func callbackPauses() []time.Duration {
	return []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour,
		12 * time.Hour,
	}
}

// alertBody is what an alert URL receives: ids and one sentence.
type alertBody struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      alertData `json:"data"`
}

type alertData struct {
	ID               uuid.UUID  `json:"id"`
	Kind             AlertKind  `json:"kind"`
	Message          string     `json:"message"`
	SubjectID        uuid.UUID  `json:"subjectId"`
	ConversationID   *uuid.UUID `json:"conversationId,omitempty"`
	ChannelAccountID *uuid.UUID `json:"channelAccountId,omitempty"`
	OpenedAt         time.Time  `json:"openedAt"`
}

// CallBack calls the tenant's alert URL for one alert, if that is due: a POST signed as Standard Webhooks says. Any answer but 2xx is
// tried again later; 410 ends it. It returns an error only when the database cannot be reached.
func (o *Outbound) CallBack(ctx context.Context, tenant inbox.TenantID, alert uuid.UUID) error {
	var due *Callback
	err := o.store.InTenant(ctx, tenant, func(tx Tx) (err error) {
		due, err = tx.ClaimCallback(ctx, alert, callbackLease)
		return err
	})
	if err != nil || due == nil {
		return err
	}
	status, err := o.post(ctx, tenant, due)
	done := err == nil && status >= 200 && status < 300
	wait := time.Duration(0)
	if pauses := callbackPauses(); !done && status != http.StatusGone && due.Tries <= len(pauses) {
		wait = time.Duration(float64(pauses[due.Tries-1]) * o.cfg.Jitter())
	}
	if !done {
		o.cfg.Log.WarnContext(ctx, "alert URL did not take an alert", "tenant", tenant.String(), "alert", alert, "try", due.Tries,
			"status", status, "again", wait > 0)
	}
	// The call is made, so what came of it is written down although we may be stopping: else it would be made again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookPatience)
	defer cancel()
	return o.store.InTenant(ctx, tenant, func(tx Tx) error {
		return tx.FinishCallback(ctx, alert, due.Tries, done, wait)
	})
}

// post makes the call and returns the answer's status.
func (o *Outbound) post(ctx context.Context, tenant inbox.TenantID, c *Callback) (int, error) {
	if o.cfg.AlertClient == nil {
		return 0, errNoClient
	}
	key, err := o.cfg.Secrets.Open(c.Sealed, inbox.AlertSecretPlace(tenant))
	if err != nil {
		return 0, err
	}
	body, err := json.Marshal(alertBody{Type: "alert.opened", Timestamp: c.OpenedAt, Data: alertData{
		ID: c.ID, Kind: c.Kind, Message: c.Message, SubjectID: c.SubjectID, ConversationID: c.ConversationID,
		ChannelAccountID: c.ChannelAccountID, OpenedAt: c.OpenedAt,
	}})
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	id, stamp := "alert_"+c.ID.String(), strconv.FormatInt(o.now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("webhook-id", id)
	request.Header.Set("webhook-timestamp", stamp)
	request.Header.Set("webhook-signature", "v1,"+sign(key, id, stamp, body))
	response, err := o.cfg.AlertClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 4<<10))
	return response.StatusCode, nil
}

// sign returns the Standard Webhooks signature: HMAC-SHA256 over id, timestamp and body.
func sign(key []byte, id, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
