package chaos

import (
	"slices"
	"strings"
	"time"
)

// judgeOutbound: one message, told of once, for what was taken (R11, R21); at the provider one call that was accepted for each that is on its
// way, none for the others (R13), and none that nobody asked for (R11).
func (e *evidence) judgeOutbound(wrong complaint) {
	byMessage := map[string][]call{}
	for _, c := range e.calls {
		of := e.attempts[c.Opaque].Message
		if of == "" {
			wrong("call %d names attempt %q, which is on no record", c.Seq, c.Opaque)
		}
		byMessage[of] = append(byMessage[of], c)
	}
	happened := map[string]map[string]int{kindReply: {}, kindNotification: {}}
	for _, m := range e.sent {
		kind, key, says := kindReply, strings.TrimPrefix(m.Text, canary), m.Text
		if m.Correlation != "" {
			kind, key, says = kindNotification, m.Correlation, "[shipped · en]\n"+canary+m.Correlation
		}
		happened[kind][key]++
		asked := e.asked[kind][key]
		if asked.Answer == answerYes && asked.ID != m.ID {
			wrong("%s %s was answered with message %s and is %s", kind, key, asked.ID, m.ID)
		}
		if m.Created != 1 {
			wrong("%s %s, message %s, has %d events of its creation", kind, key, m.ID, m.Created)
		}
		for _, c := range byMessage[m.ID] {
			if c.To != asked.Phone || c.Text != says {
				wrong("%s %s is for %s; call %d told %s %q", kind, key, asked.Phone, c.Seq, c.To, c.Text)
			}
		}
		e.judgeAlerts(m, asked.Asked, byMessage[m.ID], wrong)
		e.judgeOverlap(m, byMessage[m.ID], wrong)
		e.judgeCalls(m, byMessage[m.ID], wrong)
	}
	for kind, n := range happened {
		effect(e.asked[kind], n, "messages", wrong)
	}
	e.judgeAlertsOfNobody(wrong)
	e.judgeOrder(byMessage, wrong)
}

// judgeOverlap: never two calls of a message at a time; two where a lease may end while its holder lives (R12).
func (e *evidence) judgeOverlap(m sent, calls []call, wrong complaint) {
	most := 1
	if e.loose {
		most = 2
	}
	for i, c := range calls {
		open := slices.DeleteFunc(slices.Clone(calls[:i]), func(before call) bool { return !c.StartedAt.Before(before.EndedAt) })
		if len(open)+1 > most {
			last := open[len(open)-1]
			wrong("message %s: call %d began %v before call %d ended", m.ID, c.Seq, last.EndedAt.Sub(c.StartedAt), last.Seq)
		}
	}
}

// echoWithin is how soon the provider has to tell our id for a call to be known of (W of R13).
const echoWithin = 120 * time.Second

// mayAccept returns how many calls of a message may be accepted (R13): one, and one more for each of which nobody could know when the next
// one began. Where a lease may end while its holder lives, one for each attempt.
func (e *evidence) mayAccept(m sent, calls []call) int {
	if e.loose {
		return max(1, m.Attempts)
	}
	most := 1
	for i, c := range calls[:max(0, len(calls)-1)] {
		if next := calls[i+1]; c.Accepted && e.waited(c, next) && !e.known(m, c, next) {
			most++
		}
	}
	return most
}

// waited reports whether a receipt had all its time before the next call. Both calls count from when the product took the message up for
// them, and by the clock of the database, by which it waits: a call may reach the provider late, and that clock is put forward at rest.
func (e *evidence) waited(c, next call) bool {
	return e.attempts[next.Opaque].Started.Sub(e.attempts[c.Opaque].Started) >= echoWithin
}

// known reports whether an answer was recorded, or a receipt taken, before the next call was begun. These are told by the clock of the
// machine; by that one a call was begun before it reached the provider, however far the other clock was put forward.
func (e *evidence) known(m sent, c, next call) bool {
	begun := next.StartedAt
	if taken := e.attempts[next.Opaque].Started; taken.Before(begun) {
		begun = taken
	}
	return m.Known != nil && m.Known.Before(begun) || !c.ToldAt.IsZero() && c.ToldAt.Before(begun)
}

// judgeCalls judges what became of one message. What the provider told and had acknowledged is the status
// of the message (R1, R5, R23).
func (e *evidence) judgeCalls(m sent, calls []call, wrong complaint) {
	accepted, further := 0, "SENT"
	for _, c := range calls {
		if c.Accepted {
			accepted++
			if far := strings.ToUpper(c.Told); progress(far) > progress(further) {
				further = far
			}
		}
	}
	switch m.Status {
	case "SENT", "DELIVERED", "READ":
		if accepted < 1 || accepted > e.mayAccept(m, calls) {
			wrong("message %s is %s after %d attempts; the provider accepted %d calls: %v", m.ID, m.Status, m.Attempts, accepted, calls)
		}
		if m.Status != further {
			wrong("message %s is %s; the provider told that it is %s: %v", m.ID, m.Status, further, calls)
		}
	case "FAILED":
		if accepted > 0 || !mayGiveUp(m, calls) {
			wrong("message %s FAILED with %s after %d attempts; the provider accepted %d calls: %v", m.ID, m.Code, m.Attempts, accepted, calls)
		}
	default:
		wrong("message %s is still %s", m.ID, m.Status)
	}
}

// How often a message is called before it is given up: as many pauses as there are between failed calls, and once more; or as many workers
// as end with it.
const (
	triesAtMost = 7
	poisonAfter = 3
)

// mayGiveUp reports whether a message may end as failed: of a notification nobody could know, a worker ended with it three times, the provider
// refused it for good, or it was tried as often as it may be. A message that ends sooner is lost, whatever is said about it.
func mayGiveUp(m sent, calls []call) bool {
	switch {
	case m.Code == "POISON":
		return m.Attempts >= poisonAfter
	case m.Code == "OUTCOME_UNKNOWN" && m.Correlation != "":
		return m.Attempts > 0
	case m.Attempts >= triesAtMost:
		return true
	}
	return slices.ContainsFunc(calls, call.refusedForGood)
}

// refusedForGood reports whether the provider was told to refuse a call in a way that no other try changes.
func (c call) refusedForGood() bool {
	return slices.ContainsFunc([]string{"window_closed", "invalid_recipient", "template_missing"}, func(kind string) bool {
		return strings.Contains(c.Fault, kind)
	})
}

// progress orders the statuses of a message that a provider has accepted.
func progress(status string) int { return slices.Index([]string{"SENT", "DELIVERED", "READ"}, status) }

// judgeOrder: the provider is called for the messages of a conversation in their order (R19). Behind one whose first attempt did not do,
// later ones need not wait.
func (e *evidence) judgeOrder(byMessage map[string][]call, wrong complaint) {
	var before sent // the message whose calls were the last so far
	last := 0
	for _, m := range e.sent {
		if m.Conversation != before.Conversation {
			before, last = m, 0
		}
		for _, c := range byMessage[m.ID] {
			if c.Seq < last {
				wrong("conversation %s: call %d of message %s, number %d, came before call %d of message %s, number %d", m.Conversation,
					c.Seq, m.ID, m.Seq, last, before.ID, before.Seq)
			}
		}
		if calls := byMessage[m.ID]; m.Attempts == 1 && len(calls) == 1 && calls[0].Accepted && calls[0].Seq > last {
			before, last = m, calls[0].Seq
		}
	}
}
