package inbox_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// R3: what could not be applied is kept with its bytes and applied once it can be, exactly once.
func TestReplayAppliesWhatCanBeAppliedByNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, in := w.house("8001"), w.ingest()
	kept := func(message string) []byte {
		return fmt.Appendf(nil, `{"metadata":{"phone_number_id":"8001"},"contact":{"profile":{"name":"Kim"},"wa_id":"491711234567"},"message":%s}`, message)
	}
	broken := func(key string, raw []byte) channel.Item {
		return channel.Item{AccountRef: "8001", Key: key, Raw: raw, Reason: "an older program could not read it"}
	}
	good := kept(`{"from":"491711234567","id":"m1","timestamp":"1767225600","type":"text","text":{"body":"late, but here"}}`)
	other := w.house("8002")
	foreign := bytes.ReplaceAll(kept(`{"from":"491711234567","id":"m6","timestamp":"1767225600","type":"text","text":{"body":"for the other"}}`),
		[]byte("8001"), []byte("8002"))
	w.send(in, h.text("m0", "+491711234567", "before"),
		broken("sha256:1", good), broken("sha256:2", good), // the same message, quarantined twice
		broken("sha256:5", foreign), // kept here by mistake: its content names another tenant
		broken("sha256:3", kept(`{"from":"491711234567","id":"m3","timestamp":"never"}`)),
		broken("sha256:4", []byte(`{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"8001"},"messages":[
			{"from":"491711234567","id":"m4","timestamp":"1767225600","type":"text","text":{"body":"four"}},
			{"from":"491711234567","id":"m5","timestamp":"1767225600","type":"image","image":{"id":"99"}}]}}]}`)))
	if sum := h.balanced(); sum.Quarantined != 5 {
		t.Fatalf("ledger = %+v", sum)
	}
	provider, err := meta.New(meta.Config{})
	must(t, err)
	registry, err := channel.NewRegistry(provider)
	must(t, err)
	done, err := in.ReplayQuarantined(context.Background(), h.tenant, registry, 100)
	must(t, err)
	if want := (inbox.Replayed{Applied: 2, Duplicate: 1, Quarantined: 2}); done != want {
		t.Errorf("replayed = %+v, want %+v", done, want)
	}
	if got := many[string](w, "SELECT external_id FROM messages ORDER BY seq"); !slices.Equal(got, []string{"m0", "m1", "m4", "m5"}) {
		t.Errorf("messages = %v", got)
	}
	if n := w.count("attachments"); n != 1 {
		t.Errorf("%d files wait", n)
	}
	if sum := h.balanced(); sum.Received != 7 || sum.Applied != 4 || sum.Duplicate != 1 || sum.Quarantined != 2 {
		t.Errorf("ledger = %+v", sum)
	}
	again, err := in.ReplayQuarantined(context.Background(), h.tenant, registry, 100)
	must(t, err)
	if want := (inbox.Replayed{Quarantined: 2}); again != want {
		t.Errorf("replayed again = %+v", again)
	}
	if sum := other.balanced(); sum.Received != 0 {
		t.Errorf("the other tenant's ledger = %+v", sum)
	}
	if n := w.count("messages"); n != 4 {
		t.Errorf("%d messages after the second replay", n)
	}
}
