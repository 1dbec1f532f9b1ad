package simulator_test

import (
	"bufio"
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
	"github.com/switchboard-inbox/switchboard/internal/leaktest"
	"github.com/switchboard-inbox/switchboard/internal/simulator"
)

// Environment of the child process in TestKill.
const (
	childDir      = "SIMULATOR_TEST_DIR"
	childCallback = "SIMULATOR_TEST_CALLBACK"
)

// TestMain lets the test binary also be the simulator that TestKill kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		runChild(dir)
		return
	}
	leaktest.Main(m)
}

// testConfig is a simulator with one business number.
func testConfig(callback string) simulator.Config {
	return simulator.Config{
		Accounts:  []simulator.Account{{PhoneNumberID: number, DisplayPhone: "+15550100200", Name: "Shop", WABAID: "222", AccessToken: token}},
		AppSecret: secret, CallbackURL: callback,
		Settings: simulator.Settings{SentAfter: 1, DeliveredAfter: 5, ReadAfter: 5},
	}
}

func runChild(dir string) {
	config := testConfig(os.Getenv(childCallback))
	config.StateDir = dir
	s, err := simulator.New(config)
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(s.Handler())
	_, _ = os.Stdout.WriteString(server.URL + "\n")
	_ = s.Run(context.Background())
}

// A simulator that is killed in the middle of its work owes the business nothing after its next start.
func TestKill(t *testing.T) {
	dir, b := t.TempDir(), newBusiness(t)
	b.setDown(true)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), childDir+"="+dir, childCallback+"="+b.webhook.URL)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	v := vendor{t: t, base: strings.TrimSpace(address)}
	written := v.write(map[string]any{"text": "hello"})
	if b.provider, err = meta.New(meta.Config{BaseURL: v.base}); err != nil {
		t.Fatal(err)
	}
	receipt, err := b.send("answer")
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // reports the kill
	spoilJournal(t, dir)
	b.setDown(false)
	b.start(func(c *simulator.Config) { c.StateDir = dir })
	items := b.await(4)
	if in, ok := items[0].Event.(channel.Inbound); !ok || in.ExternalID != written.ID {
		t.Errorf("first came %+v, want the customer's message", items[0])
	}
	if got := b.statuses(); got != "SENT DELIVERED READ" || !strings.HasPrefix(items[3].Key, receipt.ExternalID) {
		t.Errorf("receipts = %s for %s, want all three for %s", got, items[3].Key, receipt.ExternalID)
	}
}

// spoilJournal adds what a process leaves that is killed while writing.
func spoilJournal(t *testing.T, dir string) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(dir, "simulator.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"message":{"id":"wamid.HALF`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// Once Run has ended, nothing is kept any more, so nothing may be accepted either.
func TestNothingIsAcceptedAfterTheEnd(t *testing.T) {
	config := testConfig("http://127.0.0.1:1")
	config.StateDir = t.TempDir()
	s, err := simulator.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	provider, err := meta.New(meta.Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	account := channel.NewAccount("account", number, nil, []byte(`{"accessToken":"`+token+`"}`))
	_, err = provider.Send(t.Context(), account, channel.Outbound{To: channel.Recipient{Phone: customer},
		Template: &channel.Template{Name: "hello", Language: "en"}})
	if e := channel.AsSendError(err); err == nil || e.Class != channel.Transient || e.OutcomeUnknown {
		t.Errorf("Send = %v, want a transient refusal", err)
	}
}
