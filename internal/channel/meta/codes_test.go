package meta_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/channeltest"
)

// rejections is the published table of error codes, each as an answer of the Graph API.
func rejections() []channeltest.Rejection {
	var out []channeltest.Rejection
	add := func(class channel.Class, wait time.Duration, codes ...int) {
		for _, code := range codes {
			out = append(out, channeltest.Rejection{Name: fmt.Sprintf("code %d", code), Class: class, Code: fmt.Sprint(code), RetryAfter: wait,
				Answer: graphAnswer(http.StatusBadRequest, code, "")})
		}
	}
	add(channel.Auth, 0, 0, 3, 10, 33, 190, 200, 250, 299, 131005)
	add(channel.RateLimited, 5*time.Second, 130429)
	add(channel.RateLimited, 6*time.Second, 131056)
	out[len(out)-1].OneRecipient = true
	add(channel.RateLimited, 5*time.Minute, 4, 613, 80007)
	add(channel.RateLimited, time.Hour, 131048, 131064, 133016)
	add(channel.Transient, 0, 1, 2, 131000, 131016, 131057, 133004, 135000)
	add(channel.InvalidRecipient, 0, 131021, 131026, 131030, 131050, 131062)
	add(channel.TemplateMissing, 0, 131063, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132068, 132069)
	add(channel.Permanent, 0, 100, 368, 130472, 130497, 131008, 131009, 131031, 131037, 131042, 131044, 131045, 131047, 131049,
		131051, 131052, 131053, 137000, 999999)
	return append(out, special()...)
}

// special are the answers where more than the code counts.
func special() []channeltest.Rejection {
	limited := graphAnswer(http.StatusTooManyRequests, 130429, "")
	limited.Header = map[string]string{"X-Business-Use-Case-Usage": `{"222":[{"type":"whatsapp","call_count":100,` +
		`"estimated_time_to_regain_access":3},{"type":"whatsapp","estimated_time_to_regain_access":19}]}`}
	unreadable := graphAnswer(http.StatusTooManyRequests, 130429, "")
	unreadable.Header = map[string]string{"X-Business-Use-Case-Usage": `{"222":"soon"}`}
	return []channeltest.Rejection{
		{Name: "reset in the header", Answer: limited, Class: channel.RateLimited, Code: "130429", RetryAfter: 19 * time.Minute},
		{Name: "unreadable reset", Answer: unreadable, Class: channel.RateLimited, Code: "130429", RetryAfter: 5 * time.Second},
		{Name: "refused with 200", Answer: graphAnswer(200, 131009, ""), Class: channel.Permanent, Code: "131009"},
		{Name: "refused with 500", Answer: graphAnswer(500, 131047, ""), Class: channel.Permanent, Code: "131047"},
		{Name: "unknown code with 503", Answer: graphAnswer(503, 424242, ""), Class: channel.Transient, Code: "424242"},
		{Name: "unknown code with 429", Answer: graphAnswer(429, 424242, ""), Class: channel.RateLimited, Code: "424242"},
		{Name: "unknown code with 403", Answer: graphAnswer(403, 424242, ""), Class: channel.Auth, Code: "424242"},
		{Name: "unknown but transient", Answer: graphAnswer(400, 424242, `,"is_transient":true`), Class: channel.Transient, Code: "424242"},
		{Name: "the number is unknown", Answer: graphAnswer(400, 100, `,"error_subcode":33`), Class: channel.Auth, Code: "100"},
		{Name: "token quoted", Answer: channeltest.Answer{Status: 401, Body: `{"error":{"message":"Malformed access token {{secret}}",` +
			`"type":"OAuthException","code":190}}`}, Class: channel.Auth, Code: "190"},
		{Name: "token quoted in part", Answer: channeltest.Answer{Status: 401, Body: `{"error":{"message":"Malformed access token ` +
			accessToken[:len(accessToken)-3] + `","type":"OAuthException","code":190}}`}, Class: channel.Auth, Code: "190"},
		{Name: "token quoted elsewhere", Answer: channeltest.Answer{Status: 400, Body: `{"error":{"message":"bad",` +
			`"code":131009,"error_data":{"details":"see\nhttps://example.com/?t={{secret}} or {{secret}}"}}}`}, Class: channel.Permanent, Code: "131009"},
		{Name: "a proxy's 404", Answer: channeltest.Answer{Status: 404, Body: "<html>"}, Class: channel.Transient, Code: "http_404"},
		{Name: "a proxy's 429", Answer: channeltest.Answer{Status: 429, Body: "slow down"}, Class: channel.RateLimited, Code: "http_429"},
		{Name: "a redirect", Answer: channeltest.Answer{Status: 307, Header: map[string]string{"Location": "https://example.com/"}},
			Class: channel.Transient, Code: "redirected"},
	}
}

func graphAnswer(status, code int, more string) channeltest.Answer {
	return channeltest.Answer{Status: status, Body: fmt.Sprintf(`{"error":{"message":"(#%d) Refused","type":"OAuthException","code":%d,`+
		`"error_data":{"messaging_product":"whatsapp","details":"Refused for a test"},"fbtrace_id":"trace"%s}}`, code, code, more)}
}
