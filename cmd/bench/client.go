package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// caller is one keep-alive connection, as cheap as it can be: the load must not take the time of what it measures.
type caller struct {
	conn net.Conn
	in   *bufio.Reader
	host string
}

func dial(url string) (*caller, error) {
	host := strings.TrimPrefix(url, "http://")
	conn, err := net.Dial("tcp", host) //nolint:noctx // loopback
	if err != nil {
		return nil, err
	}
	return &caller{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), host: host}, nil
}

// call sends one request and returns the body of its answer; every status but 200 is an error.
func (c *caller) call(method, path, header string, body []byte) ([]byte, error) {
	_ = c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	request := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n", method, path, c.host,
		len(body), header)
	if _, err := c.conn.Write(append(request, body...)); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %.200s", path, answer.Status, text)
	}
	return text, err
}

func (c *caller) close() { _ = c.conn.Close() }

// flood lets so many connections call a process for a while and returns the calls per second and what each cost.
func flood(ctx context.Context, to *process, connections int, length time.Duration, call func(c *caller, worker, n int) error) (s sample, err error) {
	var group sync.WaitGroup
	var mu sync.Mutex
	calls := 0
	stop := meter(to)
	begun := time.Now()
	end := begun.Add(length)
	for worker := range connections {
		group.Go(func() {
			done, problem := floodOne(ctx, to.url, end, worker, call)
			mu.Lock()
			defer mu.Unlock()
			calls += done
			if problem != nil {
				err = problem
			}
		})
	}
	group.Wait()
	return sample{float64(calls) / time.Since(begun).Seconds(), stop(calls), calls}, err
}

func floodOne(ctx context.Context, url string, end time.Time, worker int, call func(c *caller, worker, n int) error) (calls int, err error) {
	c, err := dial(url)
	if err != nil {
		return 0, err
	}
	defer c.close()
	for ; time.Now().Before(end) && ctx.Err() == nil; calls++ {
		if err := call(c, worker, calls); err != nil {
			return calls, err
		}
	}
	return calls, nil
}

// hooks makes signed webhooks, each with one new message.
type hooks struct{ n atomic.Int64 }

// hook returns the body and the signature header of a message to the number.
func (h *hooks) hook(ref, phone, text string) (body []byte, header string) {
	body = fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{`+
		`"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550001111","phone_number_id":"%s"},`+
		`"contacts":[{"profile":{"name":"Ada"},"wa_id":"%s"}],"messages":[{"from":"%s","id":"wamid.hook.%d.%d","timestamp":"%d",`+
		`"type":"text","text":{"body":"%s"}}]}}]}]}`, ref, phone, phone, time.Now().UnixNano(), h.n.Add(1), time.Now().Unix(), text)
	mac := hmac.New(sha256.New, []byte(appSecret))
	mac.Write(body)
	return body, "X-Hub-Signature-256: sha256=" + hex.EncodeToString(mac.Sum(nil)) + "\r\n"
}

// query returns the body and the header of a GraphQL operation.
func query(document string, variables map[string]any) []byte {
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		panic(err) // plain values only
	}
	return body
}

func bearer(token string) string { return "Authorization: Bearer " + token + "\r\n" }

// ask runs one GraphQL operation; errors in its answer are an error.
func (c *caller) ask(token string, body []byte) ([]byte, error) {
	answer, err := c.call(http.MethodPost, "/graphql", bearer(token)+"Accept: application/json\r\n", body)
	if err == nil && bytes.HasPrefix(answer, []byte(`{"errors"`)) {
		err = fmt.Errorf("graphql: %.300s", answer)
	}
	return answer, err
}

// get fetches a URL of a stand-in.
func get(ctx context.Context, method, url string) ([]byte, error) {
	return ask(ctx, http.DefaultClient, method, url)
}

// ask makes a request without a body and returns what it is answered with.
func ask(ctx context.Context, client *http.Client, method, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %.200s", url, answer.Status, text)
	}
	return text, err
}
