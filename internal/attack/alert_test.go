package attack

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// TestAlertURLsLeadNowhereInside gives tenants alert URLs that name this machine, and has the worker post an alert to each: it calls nobody, and
// writes down that the alert was not taken. The last address is one that the command refuses; it stands in the database as from elsewhere. (H32)
func TestAlertURLsLeadNowhereInside(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inside, called := s.insider()
	for slug, address := range map[string]string{
		"by-number": "https://" + inside, "by-name": "https://localhost:" + inside[len("127.0.0.1:"):], "in-the-clear": "https://example.com",
	} {
		n := s.shop(slug)
		if code, out := s.run("tenant", "alerts", "--tenant", n.Slug, "--url", address+"/alerts"); code != 0 {
			t.Fatalf("the alert URL %s is set with %d %s", address, code, out)
		}
		if slug == "in-the-clear" {
			s.Exec("UPDATE tenants SET alert_url = $2 WHERE tenant_id = $1", n.ID.UUID(), "http://"+inside)
		}
		n.spendTwice()
	}
	worker := s.start("work")
	s.eventually("each alert was posted, and not taken", func() bool { return strings.Count(worker.out.String(), "alert URL did not take an alert") >= 3 })
	if count := called.Load(); count != 0 {
		t.Errorf("the machine was called %d times", count)
	}
	if again := s.Int("SELECT count(*) FROM alerts WHERE callback_tries > 0 AND callback_due_at IS NOT NULL AND callback_done_at IS NULL"); again != 3 {
		t.Errorf("%d of three alerts are to be posted again", again)
	}
}

// insider listens on this machine, and counts who calls.
func (s *stage) insider() (address string, called *atomic.Int64) {
	s.t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(s.t.Context(), "tcp", "127.0.0.1:0")
	s.must(err)
	s.t.Cleanup(func() { _ = listener.Close() })
	called = &atomic.Int64{}
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			called.Add(1)
			_ = conn.Close()
		}
	}()
	return listener.Addr().String(), called
}
