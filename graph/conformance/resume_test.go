package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// R40, R46: each reference client is cut many times while messages come in, and has every one exactly once, in order.
func TestReferenceClientIsCutAndResumes(t *testing.T) {
	t.Parallel()
	for script, scheme := range map[string]string{"resume.mjs": "ws", "resume-sse.mjs": "http"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			follow(t, script, scheme)
		})
	}
}

// follow lets a reference client follow a conversation over the scheme.
func follow(t *testing.T, script, scheme string) {
	t.Helper()
	const messages = 150
	s := newStack(t)
	account := s.tenant.Account("Support", nil)
	conversation := s.tenant.Conversation(account)
	s.agent("ann", inbox.RoleAgent)
	token := s.login("ann")
	phone := s.tenant.PhoneOf(conversation)
	sent := make(chan error, 1)
	go func() {
		pace := time.NewTicker(15 * time.Millisecond)
		defer pace.Stop()
		for n := 2; n <= messages; n++ {
			request := inboxtest.Text(account, phone, fmt.Sprint("text ", n))
			if err := errors.Join(s.ingest.Ingest(t.Context(), []inbox.Request{request})...); err != nil {
				sent <- err
				return
			}
			<-pace.C
		}
		sent <- nil
	}()
	output := run(t, script, "URL="+strings.Replace(s.url, "http", scheme, 1)+"/graphql", "ORIGIN="+s.url, "TOKEN="+token,
		"CONVERSATION="+conversation.String(), "LAST="+strconv.Itoa(messages))
	check(t, <-sent)
	var got struct {
		Cuts   int
		Before []int
		Events []struct {
			Cursor, Kind string
			Message      struct {
				Seq  int
				Text string
			}
		}
	}
	check(t, json.Unmarshal([]byte(output), &got))
	if got.Cuts < 5 {
		t.Errorf("the client was cut %d times only", got.Cuts)
	}
	next := 2
	for _, seq := range got.Before {
		next = max(next, seq+1)
	}
	for _, e := range got.Events {
		if e.Kind != "MESSAGE_CREATED" || e.Message.Seq != next || e.Message.Text != fmt.Sprint("text ", next) {
			t.Fatalf("after %d came %+v (%d cuts)", next-1, e, got.Cuts)
		}
		next++
	}
	if next != messages+1 {
		t.Fatalf("the last message is %d of %d", next-1, messages)
	}
	t.Logf("%d messages over %d cuts", len(got.Events), got.Cuts)
}
