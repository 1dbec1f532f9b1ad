package simulator

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf16"
)

// encode writes v as Meta writes its webhooks: everything but ASCII as \u escapes in lower case, and every slash escaped. The
// signature is over these bytes, so that a receiver that decodes and encodes again before verifying is found out.
func encode(v any) json.RawMessage {
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("simulator: " + err.Error()) // only maps of plain values come here
	}
	var b strings.Builder
	for _, r := range strings.TrimSuffix(plain.String(), "\n") {
		switch {
		case r == '/':
			b.WriteString(`\/`)
		case r < 0x80:
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
	}
	return json.RawMessage(b.String())
}

// sign returns the value of X-Hub-Signature-256.
func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// post hands a webhook over. It returns nil when the business took it, that is, answered 2xx.
func (s *Simulator) post(ctx context.Context, d Delivery) error {
	account, ok := s.account(d.Account)
	if !ok {
		return fmt.Errorf("no account has the phone number id %s", d.Account)
	}
	status, answer, err := s.deliver(ctx, account, d.Body, sign(account.AppSecret, d.Body))
	if err != nil {
		return err
	}
	if status < 200 || status > 299 {
		return fmt.Errorf("the webhook address answered %d %s", status, firstLine(answer))
	}
	return nil
}

// deliver posts the body with the signature header, when there is one, and returns what the receiver answers.
func (s *Simulator) deliver(ctx context.Context, account Account, body []byte, signature string) (int, string, error) {
	if account.CallbackURL == "" {
		return 0, "", errors.New("the account has no webhook address")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, account.CallbackURL, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "facebookexternalua")
	if signature != "" {
		request.Header.Set("X-Hub-Signature-256", signature)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	return response.StatusCode, string(answer), err
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line[:min(len(line), 200)]
}
