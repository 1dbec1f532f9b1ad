package attack

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// roundsVar says how often TestSameAnswerForWhatIsNotThere asks; its figures need some hundred rounds on a quiet machine.
const roundsVar = "SWITCHBOARD_ATTACK_ROUNDS"

// TestSameAnswerForWhatIsNotThere asks every query and mutation that takes an id for B's object and for one that nobody has, in turn, and webhook
// addresses that do not exist, are another's, and are called with a wrong signature: the answers are the same, and how long each
// takes is logged, with the ratio of the medians, and not judged: that takes more rounds than every run can afford. (R51, R6, H24)
func TestSameAnswerForWhatIsNotThere(t *testing.T) {
	s := newStage(t, "LOG_LEVEL=INFO")
	a, b := s.shop("shop-a"), s.shop("shop-b")
	for _, n := range []*shop{a, b} {
		n.signIn()
		n.write("wamid.1", "4915112345678", "Kim", "hello")
	}
	rounds := 8
	if text := os.Getenv(roundsVar); text != "" {
		var err error
		rounds, err = strconv.Atoi(text)
		s.must(err)
	}
	own, theirs := a.own(), b.own()
	all, _ := operations(t, readSchema(t))
	w := &walk{t: t, s: s, a: a, own: own}
	for _, op := range all {
		for _, arg := range op.arguments {
			name := arg.path[len(arg.path)-1]
			if op.root == ast.Subscription || arg.kind.Name() != "ID" {
				continue
			}
			foreign, ok := theirs[name].(string)
			if !ok {
				foreign = theirs["messageId"].(string) // replyToMessageId
			}
			if op.field.Name == "contact" {
				foreign = theirs["contactId"].(string)
			}
			document, _, narrow := strings.Cut(op.document, " { __typename") // what is selected costs of the minute's share
			if document += " { __typename } }"; !narrow {
				document = op.document
			}
			ask := func(id string) func() string {
				return func() string {
					variables := w.variables(op)
					place(variables, arg.path, id)
					return strings.ReplaceAll(anonymous(a.answer("ada", document, variables)), id, "ID")
				}
			}
			s.compare(op.field.Name+" "+arg.name(), rounds, []string{"foreign", "unknown"}, func(round int, which string) func() string {
				if which == "foreign" {
					return ask(foreign)
				}
				return ask(inboxtest.NewID().String())
			})
		}
	}
	s.compareWebhooks(a, b, rounds)
}

// compareWebhooks asks for addresses that exist and that do not.
func (s *stage) compareWebhooks(a, b *shop, rounds int) {
	post := func(path, ref, key string) func() string {
		body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
			"messaging_product":"whatsapp","metadata":{"phone_number_id":%q},"messages":[{"from":"4915112345678","id":"wamid.x","timestamp":"1767225600","type":"text","text":{"body":"x"}}]}}]}]}`, ref)
		return func() string {
			r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.api.url+path, bytes.NewReader(body))
			s.must(err)
			r.Header.Set("X-Hub-Signature-256", "sha256="+channel.SignSHA256([]byte(key), body))
			r.Header.Set("X-Request-Id", "the-same-for-all")
			status, text := send(s.t, r)
			return fmt.Sprint(status, " ", text)
		}
	}
	known, nowhere := "/webhooks/meta/"+a.account.String(), "/webhooks/meta/"+inboxtest.NewID().String()
	s.compare("webhook", rounds, []string{"unknown", "wrong signature", "of another tenant", "unknown provider", "never asked before"}, func(round int, which string) func() string {
		switch which {
		case "unknown":
			return post(nowhere, a.ref, appSecret)
		case "never asked before": // it is looked up; an id is 128 random bits, so that nobody comes upon one that exists
			return post("/webhooks/meta/"+inboxtest.NewID().String(), a.ref, appSecret)
		case "wrong signature":
			return post(known, a.ref, "forged")
		case "of another tenant": // a good signature for B's number at A's address
			return post(known, b.ref, appSecret)
		}
		return post("/webhooks/unknown/"+inboxtest.NewID().String(), a.ref, appSecret)
	})
}

// compare asks in turn and in changing order, fails when any answer of any round differs from the first, and logs each median beside the first one.
func (s *stage) compare(what string, rounds int, ways []string, ask func(round int, which string) func() string) {
	s.t.Helper()
	took, told, first, limited := map[string][]time.Duration{}, map[string]bool{}, "", 0
	for round := range rounds {
		for i := range ways {
			which := ways[(i+round)%len(ways)]
			send := ask(round, which)
			began := time.Now()
			answer := send()
			took[which] = append(took[which], time.Since(began))
			if first == "" {
				first = answer
			}
			if strings.Contains(answer, "RATE_LIMITED") {
				limited++
			} else if answer != first && !told[which] {
				told[which] = true
				s.t.Errorf("%s: %s answers in round %d\n%s\nand %s in the first\n%s", what, which, round, answer, ways[0], first)
			}
		}
	}
	median := func(which string) time.Duration {
		slices.Sort(took[which])
		return took[which][len(took[which])/2]
	}
	text := ""
	for _, which := range ways {
		text += fmt.Sprintf("  %s %v (%.2f)", which, median(which).Round(time.Microsecond), float64(median(which))/float64(median(ways[0])))
	}
	if limited > 0 {
		s.t.Errorf("%s: the limits were measured %d times", what, limited)
	}
	s.t.Logf("%-40s%s", what, text)
}
