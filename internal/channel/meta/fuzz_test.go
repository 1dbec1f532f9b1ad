package meta

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/leaktest"
)

// FuzzAnswer looks for an answer of the Graph API that panics, that is both an acceptance and a refusal, that tells the token, asks to wait for ever,
// or whose reason cannot be shown.
func FuzzAnswer(f *testing.F) {
	const token = "EAAJtoken"
	for _, seed := range []struct {
		status      int
		usage, body string
	}{
		{200, "", `{"messages":[{"id":"wamid.1"}]}`},
		{200, "", `{"error":{"code":131056,"message":"pair"}}`},
		{400, "", `{"error":{"code":190,"message":"bad token EAAJtoken","error_subcode":463}}`},
		{400, "", `{"error":{"code":100,"error_user_msg":"see https://x.example/?t=EAAJtoken","error_data":{"details":"d"}}}`},
		{429, `{"1":[{"estimated_time_to_regain_access":1e300}]}`, `{"error":{"code":4}}`},
		{429, `{"1":[{"estimated_time_to_regain_access":-5}]}`, `{"error":{"code":80007}}`},
		{500, "", `{"error":{"code":1e99}}`},
		{302, "", `{"error":[]}`},
	} {
		f.Add(seed.status, seed.usage, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, status int, usage string, body []byte) {
		header := http.Header{"X-Business-Use-Case-Usage": {usage}}
		var got answer
		var failure *channel.SendError
		leaktest.Bounded(t, func() { got, failure = judge(status, header, body, token) })
		if failure == nil {
			if status < 200 || status > 299 || got.status != status {
				t.Fatalf("%d %q was taken for an acceptance", status, body)
			}
			return
		}
		if got.body != nil {
			t.Fatalf("%d %q was refused and accepted", status, body)
		}
		if failure.Class == "" || failure.Code == "" || failure.Reason == "" || !utf8.ValidString(failure.Reason) || utf8.RuneCountInString(failure.Reason) > 300 {
			t.Fatalf("%d %q means %+v", status, body, failure)
		}
		if strings.Contains(failure.Reason, token) || strings.ContainsFunc(failure.Reason, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("%d %q is shown as %q", status, body, failure.Reason)
		}
		if failure.RetryAfter < 0 || failure.RetryAfter > maxWait {
			t.Fatalf("%d %q asks to wait for %v", status, usage, failure.RetryAfter)
		}
	})
}
