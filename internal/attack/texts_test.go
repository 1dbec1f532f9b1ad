package attack

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// foreign is what an argument is given of another tenant's texts, and the same of nobody's.
type foreign struct {
	values  []string
	nobodys func(i int) string
}

// texts has the shop do every mutation under a key of its own, and returns what of its texts each argument is given, by the argument's name or, where
// a name means two things, its path. An argument of text that is not here fails the walk.
func (n *shop) texts(all []operation) map[string]foreign {
	n.s.t.Helper()
	w, keys := newWalk(n), []string{}
	for _, op := range all {
		for _, arg := range op.arguments {
			if arg.path[len(arg.path)-1] == "idempotencyKey" {
				w.ready(op)
				variables, key := w.meant(op), "key-of-b-"+op.field.Name
				place(variables, arg.path, key)
				if raw := w.do(op, variables); !strings.Contains(raw, `{"data":{"`+op.field.Name+`":{`) {
					n.s.t.Errorf("B's %s is answered %s", op.field.Name, raw)
				}
				keys = append(keys, key)
			}
		}
	}
	said := func(format string, values ...string) foreign {
		return foreign{values, func(i int) string { return fmt.Sprintf(format, i) }}
	}
	other := func(text string) string { return text[:len(text)-5] + "00000" } // the same id, and not its secret
	found := map[string]foreign{
		"tenant": said("shop-%d", n.Slug), "email": said("nobody%d@b.example", emailOfB), "password": said("nobody's horse %d", passwordOfB),
		"refreshToken": said("rt_0123456789abcdefghjkmnpq%02d_"+strings.Repeat("A", 43), other(n.refresh)), "clientNonce": said("nobody's nonce, %02d", nonceOfB),
		"phone": said("+4915177700%03d", phoneOfB), "recipient.name": said("Nobody %d", "Zoe of B"), "correlationId": said("nobodys-%d", correlationOfB),
		"template.name": said("nobodys_%d", templateOfB), "language": {[]string{"pt_BR"}, func(i int) string { return []string{"sw", "te", "th", "tr", "uk"}[i] }},
		"header": said("nobody's head %d", headOfB), "body": said("nobody's value %d", bodyOfB), "text": said("nobody's words %d", textOfB),
		"idempotencyKey": said("nobodys-key-%d", keys...),
	}
	return found
}

// What only B says, in texts that callers send.
const (
	emailOfB       = "eve@b.example"
	passwordOfB    = "eve's horse of b"
	nonceOfB       = "the-nonce-of-b-x"
	phoneOfB       = "+4915199990001"
	correlationOfB = "order-of-b"
	templateOfB    = "template_of_b"
	headOfB        = "the head of b"
	bodyOfB        = "the value of b"
	textOfB        = "the words of b"
)

// after adds, once the canary is planted, what only B has: found by any of these texts, it shows the canary.
func (n *shop) after() {
	n.s.t.Helper()
	id := n.Agent("eve "+canary, "ADMIN")
	n.s.Exec("UPDATE agents SET email = $2, email_folded = $2, password_hash = (SELECT password_hash FROM agents WHERE id = $3) WHERE id = $1", id, emailOfB, n.agents[0])
	raw := n.ask("key", `mutation($in: SendNotificationInput!) { sendNotification(input: $in) { conversation { contact { name } } } }`, map[string]any{"in": map[string]any{
		"channelAccountId": n.account.String(), "recipient": map[string]any{"phone": phoneOfB, "name": canary}, "correlationId": correlationOfB,
		"template": map[string]any{"name": templateOfB, "language": "pt_BR", "header": []string{headOfB}, "body": []string{bodyOfB}},
	}})
	if !strings.Contains(raw, canary) {
		n.s.t.Fatalf("B's notification is answered %s", raw)
	}
	n.s.Exec("UPDATE messages SET text = text || $2 WHERE tenant_id = $1 AND correlation_id = $3", n.ID.UUID(), canary+textOfB, correlationOfB)
}

// compareText sends each of B's texts for the argument and some that nobody has: the answers are the same but for the text.
func (w *walk) compareText(op operation, arg argument, texts map[string]foreign) {
	w.t.Helper()
	theirs, known := texts[arg.path[len(arg.path)-1]]
	if len(arg.path) > 1 && !known {
		theirs, known = texts[strings.Join(arg.path[len(arg.path)-2:], ".")]
	}
	if !known {
		w.t.Errorf("%s has a new argument of text, %s: give it a case in texts()", op.field.Name, arg.name())
		return
	}
	send := func(text string) string {
		var value any = text
		if arg.kind.Elem != nil {
			value = []string{text}
		}
		raw := w.send(op, arg, value)
		for i := range 5 {
			raw = strings.ReplaceAll(raw, theirs.nobodys(i), "TEXT")
		}
		raw = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).ReplaceAllString(raw, "ID")
		raw = regexp.MustCompile(`"(seq|endCursor|startCursor)":("[^"]*"|\d+)`).ReplaceAllString(raw, `"$1":0`)
		return anonymous(strings.ReplaceAll(raw, text, "TEXT"))
	}
	for _, text := range theirs.values {
		w.ready(op)
		for i := range 3 { // what an accepted one changes is changed before, and so many messages are shown
			if op.root == ast.Mutation && len(arg.path) > 1 && !openToAll(op) {
				send(theirs.nobodys(i))
			}
		}
		got := strings.ReplaceAll(send(text), text, "TEXT")
		if want := strings.ReplaceAll(send(theirs.nobodys(3)), text, "TEXT"); got != want {
			w.t.Errorf("%s: %s %q of B answers\n%s\nand one that nobody has\n%s", op.field.Name, arg.name(), text, got, want)
		}
		if accepts(op, arg) && !strings.Contains(got, `{"data":{"`+op.field.Name+`":{`) {
			w.t.Errorf("%s: %s %q is not looked at: %s", op.field.Name, arg.name(), text, got)
		}
	}
}

// openToAll reports whether the operation is for those who have no credential yet: it is counted, and changes nothing when it is refused.
func openToAll(op operation) bool { return strings.Contains("login refresh logout", op.field.Name) }

// accepts reports whether any text will do for the argument.
func accepts(op operation, arg argument) bool {
	return strings.HasPrefix(op.field.Name, "send") && arg.path[len(arg.path)-1] != "idempotencyKey"
}
