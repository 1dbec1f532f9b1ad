package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

func milli(ms int) time.Time { return time.UnixMilli(int64(ms)) }

// lived is a tenant about which everybody says the same.
func lived() *evidence {
	at := milli
	id := func(kind, key, message string, a string) entry {
		return entry{Kind: kind, Key: key, Answer: a, ID: message, Phone: "+1", Asked: at(0)}
	}
	events := []told{{1, "CONVERSATION_CREATED", "c", "", ""}, {2, "MESSAGE_CREATED", "c", "m1", ""}, {4, "CONVERSATION_ASSIGNED", "c", "", ""}}
	messages := []told{{2, "MESSAGE_CREATED", "c", "m1", ">QUEUED"}, {3, "MESSAGE_STATUS_CHANGED", "c", "m1", "QUEUED>SENT"}}
	note := func(key string) string { return "[shipped · en]\n" + canary + key }
	return &evidence{
		slug: "acme",
		asked: map[string]map[string]entry{
			kindInbound:      {"w1": id(kindInbound, "w1", "", answerYes), "w2": id(kindInbound, "w2", "", answerUnknown), "w3": id(kindInbound, "w3", "", answerNo)},
			kindReply:        {"r1": id(kindReply, "r1", "m1", answerYes), "r2": id(kindReply, "r2", "", answerNo)},
			kindNotification: {"n1": id(kindNotification, "n1", "m2", answerYes), "n2": id(kindNotification, "n2", "m3", answerYes)},
			kindMark:         {"k1": id(kindMark, "k1", "", answerYes)},
			kindStray:        {"s1": id(kindStray, "s1", "", answerYes)},
			kindOperation:    {"o1": id(kindOperation, "o1", "", answerYes), "o2": id(kindOperation, "o2", "", answerNo)},
		},
		received: map[string]int{"w1": 1}, arrivals: map[string]int{"w1": 1}, marks: map[string]int{"k1": 1}, parked: map[string]int{"s1": 1}, kept: map[string]int{"o1": 1},
		accepted: map[string]int{"claimConversation a c": 3, "snoozeConversation a c": 2, "markRead a c": 2, "resolveConversation a c": 1},
		audited:  map[string]int{"claimConversation a c": 1, "snoozeConversation a c": 2, "markRead a c": 2, "resolveConversation a c": 1},
		letters:  []letter{{Key: "w1", Text: canary + "w1", From: "+1"}},
		sent: []sent{
			{ID: "m2", Correlation: "n1", Status: "SENT", Attempts: 1, Conversation: "c", Seq: 1, Created: 1},
			{ID: "m1", Text: canary + "r1", Status: "READ", Attempts: 2, Conversation: "c", Seq: 2, Created: 1},
			{ID: "m3", Correlation: "n2", Status: "FAILED", Code: "131026", Attempts: 1, Conversation: "d", Seq: 1, Created: 1},
		},
		attempts: map[string]attempt{"a1": {"m1", at(10)}, "a2": {"m1", at(20)}, "a3": {"m2", at(5)}, "a4": {"m3", at(21)}},
		calls: []call{
			{Seq: 1, Opaque: "a3", To: "+1", Text: note("n1"), StartedAt: at(5), EndedAt: at(9), Accepted: true, Told: "accepted"},
			{Seq: 2, Opaque: "a1", To: "+1", Text: canary + "r1", StartedAt: at(10), EndedAt: at(19)},
			{Seq: 3, Opaque: "a2", To: "+1", Text: canary + "r1", StartedAt: at(20), EndedAt: at(30), Accepted: true, Told: "read"},
			{Seq: 4, Opaque: "a4", To: "+1", Text: note("n2"), StartedAt: at(21), EndedAt: at(29), Fault: "invalid_recipient"},
		},
		events: map[string][]told{"": events, "c": messages},
		heard:  []hearing{{start: 0, list: events}, {start: 2, list: events[2:]}, {start: 0, only: "c", list: messages}},
		unread: map[string]int{"robin c": 1}, served: map[string]int{"robin c": 1},
	}
}

// complaints returns what a judge says.
func complaints(judge func(complaint)) (all []string) {
	judge(func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) })
	return all
}

// late begins a call before the one before it has ended, and again has two calls of one message accepted.
func late(e *evidence) { e.calls[2].StartedAt = e.calls[1].EndedAt.Add(-time.Millisecond) }

func again(e *evidence) {
	e.calls[1].Accepted, e.calls[1].ToldAt = true, e.calls[1].StartedAt.Add(echoWithin+time.Second)
}

// spoiled is something that is not as it should be, and what the oracle says to it.
type spoiled struct {
	spoil func(*evidence)
	says  string
}

// differences are all that the oracle must see, by what they are.
func differences() map[string]spoiled {
	return map[string]spoiled{
		"message lost":           {func(e *evidence) { delete(e.received, "w1") }, "w1 was answered yes () and has 0 messages"},
		"message doubled":        {func(e *evidence) { e.received["w1"] = 2 }, "has 2 messages"},
		"unanswered doubled":     {func(e *evidence) { e.received["w2"], e.arrivals["w2"] = 2, 1 }, "w2 was answered unknown () and has 2 messages"},
		"refused, and there":     {func(e *evidence) { e.received["w3"], e.arrivals["w3"] = 1, 1 }, "w3 was answered no () and has 1 messages"},
		"message of nobody":      {func(e *evidence) { e.received["w9"] = 1 }, "w9 was never asked for"},
		"arrival untold":         {func(e *evidence) { delete(e.arrivals, "w1") }, "has 0 events"},
		"arrival told twice":     {func(e *evidence) { e.arrivals["w1"] = 2 }, "has 2 events"},
		"operation lost":         {func(e *evidence) { delete(e.kept, "o1") }, "o1 was answered yes () and has 0 kept keys"},
		"operation refused":      {func(e *evidence) { e.kept["o2"] = 1 }, "o2 was answered no () and has 1 kept keys"},
		"claim without effect":   {func(e *evidence) { delete(e.audited, "claimConversation a c") }, "claimConversation a c was accepted 3 times, and is in the audit log 0"},
		"one snooze undone":      {func(e *evidence) { e.audited["snoozeConversation a c"] = 1 }, "snoozeConversation a c was accepted 2 times, and is in the audit log 1"},
		"resolve undone":         {func(e *evidence) { e.audited["resolveConversation a c"] = 0 }, "resolveConversation a c was accepted 1 times, and is in the audit log 0"},
		"read done twice":        {func(e *evidence) { e.audited["markRead a c"] = 3 }, "markRead a c was accepted 2 times, and is in the audit log 3"},
		"resolve of nobody":      {func(e *evidence) { e.audited["resolveConversation b c"] = 1 }, "resolveConversation b c was accepted 0 times"},
		"reply lost":             {func(e *evidence) { e.sent = append(e.sent[:1:1], e.sent[2]) }, "r1 was answered yes () and has 0 messages"},
		"reply doubled":          {func(e *evidence) { e.sent = append(e.sent, e.sent[1]) }, "r1 was answered yes () and has 2 messages"},
		"notification lost":      {func(e *evidence) { e.sent = e.sent[:2] }, "n2 was answered yes () and has 0 messages"},
		"another message":        {func(e *evidence) { e.sent[1].ID = "m7" }, "was answered with message m1 and is m7"},
		"refused, and sent":      {func(e *evidence) { e.sent[0].Correlation = ""; e.sent[0].Text = canary + "r2" }, "r2 was answered no () and has 1 messages"},
		"still queued":           {func(e *evidence) { e.sent[0].Status = "QUEUED" }, "m2 is still QUEUED"},
		"sent, never called":     {func(e *evidence) { e.calls = e.calls[1:] }, "the provider accepted 0 calls"},
		"accepted twice":         {again, "the provider accepted 2 calls"},
		"failed, and accepted":   {func(e *evidence) { e.calls[3].Accepted = true }, "FAILED with 131026 after 1 attempts; the provider accepted 1"},
		"failed, and not called": {func(e *evidence) { e.calls = e.calls[:3] }, "FAILED with 131026 after 1 attempts; the provider accepted 0"},
		"given up after one 500": {func(e *evidence) { e.sent[2].Code, e.calls[3].Fault = "131000", "server_error" }, "m3 FAILED with 131000 after 1 attempts"},
		"no poison":              {func(e *evidence) { e.sent[2].Code, e.sent[2].Attempts = "POISON", 2 }, "m3 FAILED with POISON after 2 attempts"},
		"never tried":            {func(e *evidence) { e.sent[2].Code, e.sent[2].Attempts = "OUTCOME_UNKNOWN", 0 }, "m3 FAILED with OUTCOME_UNKNOWN after 0 attempts"},
		"a reply not repeated": {func(e *evidence) {
			e.sent[1].Status, e.sent[1].Code, e.calls[2].Accepted = "FAILED", "OUTCOME_UNKNOWN", false
		}, "m1 FAILED with OUTCOME_UNKNOWN after 2 attempts"},
		"two at a time":          {late, "call 3 began 1ms before call 2 ended"},
		"call of nobody":         {func(e *evidence) { e.calls[0].Opaque = "a9" }, `names attempt "a9", which is on no record`},
		"event untold":           {func(e *evidence) { e.heard[0].list = e.heard[0].list[:2] }, "number 2 is nothing"},
		"event left out":         {func(e *evidence) { e.heard[0].list = []told{e.events[""][0], e.events[""][2]} }, "was told 2 events of 3; number 1"},
		"event told twice":       {func(e *evidence) { e.heard[1].list = append(e.heard[1].list, e.events[""][2]) }, "was told 2 events of 1"},
		"event of nobody":        {func(e *evidence) { e.events[""] = e.events[""][:2] }, "was told 3 events of 2"},
		"another event":          {func(e *evidence) { e.heard[1].list = []told{{4, "CONVERSATION_WOKEN", "c", "", ""}} }, "CONVERSATION_WOKEN"},
		"subscriber complains":   {func(e *evidence) { e.heard[0].wrong = []string{"event 2 after 2"} }, "event 2 after 2"},
		"unread uncounted":       {func(e *evidence) { delete(e.served, "robin c") }, "robin c has 1 unread messages; the API says 0"},
		"mark lost":              {func(e *evidence) { delete(e.marks, "k1") }, "mark k1 was answered yes () and has 0 marks"},
		"stray receipt lost":     {func(e *evidence) { delete(e.parked, "s1") }, "stray s1 was answered yes () and has 0 parked receipts"},
		"receipt left parked":    {func(e *evidence) { e.parked["wamid.1"] = 1 }, "parked receipts wamid.1 was never asked for"},
		"text replaced":          {func(e *evidence) { e.letters[0].Text = "x" }, `w1 of +1 is one of +1 and says "x"`},
		"another's conversation": {func(e *evidence) { e.letters[0].From = "+2" }, "w1 of +1 is one of +2"},
		"receipts dropped":       {func(e *evidence) { e.sent[1].Status = "SENT" }, "m1 is SENT; the provider told that it is READ"},
		"a receipt made up":      {func(e *evidence) { e.sent[0].Status = "DELIVERED" }, "m2 is DELIVERED; the provider told that it is SENT"},
		"sent to a stranger":     {func(e *evidence) { e.calls[2].To = "+2" }, "reply r1 is for +1; call 3 told +2"},
		"another text sent":      {func(e *evidence) { e.calls[0].Text = "x" }, `notification n1 is for +1; call 1 told +1 "x"`},
		"sending untold":         {func(e *evidence) { e.sent[1].Created = 0 }, "m1, has 0 events of its creation"},
		"sending told twice":     {func(e *evidence) { e.sent[2].Created = 2 }, "m3, has 2 events of its creation"},
		"out of order":           {func(e *evidence) { e.calls[0].Seq = 9 }, "call 2 of message m1, number 2, came before call 9 of message m2, number 1"},
		"status untold":          {func(e *evidence) { e.heard[2].list = e.heard[2].list[:1] }, "was told 1 events of 2; number 1 is nothing"},
		"another status told": {func(e *evidence) {
			e.heard[2].list = []told{e.events["c"][0], {3, "MESSAGE_STATUS_CHANGED", "c", "m1", "QUEUED>READ"}}
		}, "subscriber 2 of acme was told 2 events of 2"},
		"stuck, never late":   {func(e *evidence) { e.stuck = []stuck{{"m1", milli(25), false}} }, "called stuck at 1970-01-01T00:00:00.025Z; until then it had waited for 10ms"},
		"stuck, called since": {func(e *evidence) { e.stuck = []stuck{{"m1", milli(20).Add(stuckAfter - 1), false}} }, "m1 was called stuck"},
		"stuck for ever":      {func(e *evidence) { e.stuck = []stuck{{"m1", milli(20).Add(stuckAfter), true}} }, "m1 is READ, and its alert of being stuck is still open"},
		"stuck of nobody":     {func(e *evidence) { e.stuck = []stuck{{"m9", milli(20), false}} }, "message m9 was called stuck, and nobody sent it"},
		"read, and counted":   {func(e *evidence) { e.served["robin d"] = 2 }, "robin d has 0 unread messages; the API says 2"},
	}
}

// The oracle has nothing to say where all is right, and says so for every kind of difference: one that cannot see proves nothing.
func TestOracleSeesEachDifference(t *testing.T) {
	t.Parallel()
	if said := complaints(lived().judge); len(said) > 0 {
		t.Fatalf("where all is right: %v", said)
	}
	for name, c := range differences() {
		t.Run(name, func(t *testing.T) {
			e := lived()
			c.spoil(e)
			if said := strings.Join(complaints(e.judge), "\n"); !strings.Contains(said, c.says) {
				t.Errorf("the oracle says %q, and nothing of %q", said, c.says)
			}
		})
	}
	for name, spoil := range map[string]func(*evidence){"overlap": late, "second call": again} {
		e := lived()
		e.loose = true
		if spoil(e); len(complaints(e.judge)) > 0 {
			t.Errorf("%s where a lease may end: %v", name, complaints(e.judge))
		}
	}
	e := lived()
	e.loose = true
	for range 2 {
		e.calls = append(e.calls, e.calls[2])
	}
	if said := strings.Join(complaints(e.judge), "\n"); !strings.Contains(said, "call 3 began 10ms before call 3 ended") {
		t.Errorf("three calls of a message at a time are a difference, whatever a lease may do: %q", said)
	}
	e = lived()
	e.loose = true
	e.calls[0].Seq, e.sent[0].Attempts = 9, 2
	if said := complaints(e.judge); len(said) > 0 {
		t.Errorf("behind a message that failed once nobody waits: %q", said)
	}
	e = lived()
	e.loose = true
	again(e)
	e.sent[1].Attempts = 1
	if len(complaints(e.judge)) == 0 {
		t.Error("two accepted calls of one attempt are a difference, whatever a lease may do")
	}
}

// Of a call whose receipt had all its time, and was not taken before the next call began, nobody could know (R13). A receipt that comes late
// excuses nobody who did not wait for it.
func TestOracleAllowsWhatNobodyCouldKnow(t *testing.T) {
	t.Parallel()
	const never = -1
	for name, c := range map[string]struct {
		retry, forward time.Duration // when the message was taken up again, and how far the clock of the database was put forward by then
		told, known    time.Duration // when a receipt was taken, and the first answer or receipt recorded
		fine           bool
	}{
		"a retry at once, a late receipt":           {time.Second, 0, 3 * echoWithin, 3 * echoWithin, false},
		"a retry at once, no receipt":               {time.Second, 0, never, 2 * time.Second, false},
		"a retry a moment too early":                {echoWithin - time.Microsecond, 0, 3 * echoWithin, 3 * echoWithin, false},
		"a retry in time, a late receipt":           {echoWithin, 0, echoWithin + time.Second, echoWithin + time.Second, true},
		"a retry in time, no receipt":               {echoWithin, 0, never, echoWithin + time.Second, true},
		"a retry in time, a receipt before it":      {echoWithin, 0, echoWithin - time.Second, echoWithin + time.Second, false},
		"a retry in time, an answer before it":      {echoWithin, 0, never, echoWithin - time.Second, false},
		"the clock put forward, no receipt":         {time.Second, echoWithin, never, 2 * time.Second, true},
		"the clock put forward, a receipt before":   {time.Second, echoWithin, time.Millisecond, 2 * time.Second, false},
		"the clock put forward, an answer before":   {time.Second, echoWithin, never, time.Millisecond, false},
		"the clock put forward, yet not far enough": {time.Second, echoWithin / 2, never, 2 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := lived()
			first, second := &e.calls[1], &e.calls[2]
			taken := e.attempts["a1"].Started
			first.Accepted = true
			if c.told != never {
				first.ToldAt = taken.Add(c.told)
			}
			known := taken.Add(c.known)
			e.sent[1].Known = &known
			e.attempts["a2"] = attempt{"m1", taken.Add(c.retry + c.forward)}
			second.StartedAt, second.EndedAt = taken.Add(c.retry+3*time.Millisecond), taken.Add(c.retry+10*time.Millisecond)
			said := strings.Join(complaints(e.judge), "\n")
			if c.fine && said != "" || !c.fine && !strings.Contains(said, "the provider accepted 2 calls") {
				t.Errorf("the oracle says %q", said)
			}
		})
	}
}

// A message is given up by the rules: refused for good, unknown and not to be repeated, three times a worker's end, or as often as pauses are.
func TestOracleAllowsWhatIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*sent, *call){
		"refused for good":          func(m *sent, c *call) { c.Fault = "template_missing" },
		"refused, and receipts bad": func(m *sent, c *call) { c.Fault = "invalid_recipient, early_receipts" },
		"nobody knows":              func(m *sent, c *call) { m.Code, c.Fault = "OUTCOME_UNKNOWN", "timeout" },
		"poison":                    func(m *sent, c *call) { m.Code, m.Attempts, c.Fault = "POISON", poisonAfter, "" },
		"tried again and again":     func(m *sent, c *call) { m.Code, m.Attempts, c.Fault = "131000", triesAtMost, "server_error" },
	} {
		e := lived()
		spoil(&e.sent[2], &e.calls[3])
		if said := complaints(e.judge); len(said) > 0 {
			t.Errorf("%s: %q", name, said)
		}
	}
}

// A message that nobody called for the patience of the sweep may be called stuck, whatever was done about it since.
func TestOracleAllowsWhatWasStuck(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*evidence){
		"since it was called": func(e *evidence) { e.stuck[0].Opened = e.calls[2].StartedAt.Add(stuckAfter) },
		"since it was asked for": func(e *evidence) {
			r1 := e.asked[kindReply]["r1"]
			r1.Asked = e.calls[1].StartedAt.Add(-stuckAfter)
			e.asked[kindReply]["r1"] = r1
		},
		"by a clock put forward": func(e *evidence) { e.moved = []move{{e.calls[2].StartedAt.Add(1), stuckAfter}} },
		"by wrong clocks":        func(e *evidence) { e.loose = true },
	} {
		e := lived()
		e.stuck = []stuck{{"m1", e.calls[2].EndedAt, false}}
		spoil(e)
		if said := complaints(e.judge); len(said) > 0 {
			t.Errorf("%s: %q", name, said)
		}
	}
}

// An installation that refuses nearly everything proves nothing.
func TestOracleSeesIdleness(t *testing.T) {
	t.Parallel()
	size := map[string]int{"inbound yes": 9, "mark yes": 1, "stray yes": 1, "reply yes": 1, "reply no": 3, "notification yes": 1, "operation yes": 1, "operation no": 3}
	if got := idle(size); len(got) > 0 {
		t.Errorf("where enough was taken: %v", got)
	}
	size["reply unknown"] = 1
	delete(size, "mark yes")
	if got := idle(size); !slices.Equal(got, []string{kindMark, kindReply}) {
		t.Errorf("the idle kinds are %v", got)
	}
}

// What an installation may leave behind is judged, too.
func TestOracleSeesWhatIsLeft(t *testing.T) {
	t.Parallel()
	clean := func() *residue {
		return &residue{keys: []string{"asynq:{default}:pending", "bell:1", "rate:2"}, goroutines: map[string]int{"serve0": 90}, backends: 60,
			borrowed: map[string]int{"serve0": 0}, points: map[string][2]int{"in.read": {3, 400}},
			internal: 2, defects: 2, actions: map[string][2]int{"kill": {43, 38}, "panic": {7, 3}, "delay": {2, 0}}}
	}
	if said := complaints(clean().judge); len(said) > 0 {
		t.Fatalf("where all is right: %v", said)
	}
	for says, spoil := range map[string]func(*residue){
		"printed: work1: panic: nil":             func(r *residue) { r.printed = []string{"work1: panic: nil\n"} },
		"2 webhooks were answered with 500; 1":   func(r *residue) { r.broken, r.panics = 2, 1 },
		`Redis holds "cache:1"`:                  func(r *residue) { r.keys = append(r.keys, "cache:1") },
		"secrets: Redis holds kestrel":           func(r *residue) { r.secrets = []string{"Redis holds kestrel in rate:2"} },
		"a connection holds a transaction":       func(r *residue) { r.idle = []string{"switchboard idle in transaction"} },
		"the API answered INTERNAL 3 times; 2":   func(r *residue) { r.internal = 3 },
		"ended by itself: work1: exit status 1":  func(r *residue) { r.ended = []string{"work1: exit status 1"} },
		"43 faults that were to kill only 20 st": func(r *residue) { r.actions["kill"] = [2]int{43, 20} },
		"of 7 faults that were to panic only 2":  func(r *residue) { r.actions["panic"] = [2]int{7, 2} },
		"of 3 faults that were to delay only 0":  func(r *residue) { r.actions["delay"] = [2]int{3, 0} },
		"serve0 has 121 goroutines at rest":      func(r *residue) { r.goroutines["serve0"] = mostGoroutines + 1 },
		"there are 103 connections":              func(r *residue) { r.backends = mostBackends + 1 },
		"serve0 does not give back 1 connection": func(r *residue) { r.borrowed["serve0"] = 1 },
		"verify: exit status 1":                  func(r *residue) { r.verify = "exit status 1" },
		"the load never passed out.claim; 2 fa":  func(r *residue) { r.points["out.claim"] = [2]int{2, 0} },
	} {
		r := clean()
		spoil(r)
		if said := complaints(r.judge); len(said) != 1 || !strings.Contains(said[0], says) {
			t.Errorf("the oracle says %q, want %q", said, says)
		}
	}
}

// Of what verify finds, only the one check that goes by two clocks is let pass, and only by itself.
func TestOneCheckGoesByClocks(t *testing.T) {
	t.Parallel()
	again, other := "WRONG     2  no provider is called again once it is known that\n    tenant 1: message 2\n", "WRONG     1  events are numbered to head\n"
	for findings, let := range map[string]bool{again: true, other: false, again + other: false, "": false} {
		if byClocks(findings+"switchboard verify: an invariant does not hold\n") != let {
			t.Errorf("%q is let pass: %v", findings, !let)
		}
	}
}

// Only a panic of whoever answers a mutation explains that the API says INTERNAL.
func TestMutationPanicsAreCounted(t *testing.T) {
	t.Parallel()
	struck := map[string]int{"panic at mut.begin": 1, "panic at mut.commit": 2, "panic at mut.after_commit": 4, "panic at mut.enqueue": 8,
		"error at mut.begin": 16, "panic at in.read": 32, "panic at out.claim": 64}
	if n := mutationPanics(struck); n != 15 {
		t.Errorf("it counts %d, want 15", n)
	}
}

// A process that ends as a failure is heard of, unless it was told twice to stop; one that is killed or ends in order is not.
func TestEndsAreTold(t *testing.T) {
	t.Parallel()
	const long = time.Hour
	p := &process{ends: []end{
		{code: 1, life: long, words: "told twice"}, {code: -1, life: long, killed: true}, {code: 0, life: long}, {code: 1, life: time.Second, words: "no database"},
		{code: 1, life: long, words: "gave up"},
	}, pressed: []int{1}}
	if got := p.endedByItself(); len(got) != 1 || got[0].words != "gave up" {
		t.Errorf("of these ends it tells %v", got)
	}
}

// Crashes and secrets in what a process prints are seen, and ordered ones are let pass.
func TestPrintedLinesAreRead(t *testing.T) {
	t.Parallel()
	secret := &canaries{}
	secret.add(password, canary)
	out := &tail{secret: secret, struck: map[string]int{}}
	for _, line := range []string{
		`{"level":"WARN","msg":"fine"}`, "panic: faultpoint: in.read", "faultpoint: kill at in.read", "faultpoint: error at in.commit", "panic: out of luck", "fatal error: all asleep",
		"WARNING: DATA RACE", `{"msg":"` + canary + `reply-1"}`, `{"msg":"` + password + `"}`,
	} {
		out.say("%s", line)
	}
	// As a crash prints.
	for _, word := range []string{"panic: ", "faultpoint: in.read", "\n", "pan", "ic: out", " of luck\n", password[:5], password[5:] + "\n"} {
		_, _ = out.Write([]byte(word)) // never fails
	}
	if got := out.findings(); len(got) != 7 {
		t.Errorf("found %q", got)
	}
	if got := out.faults(); !maps.Equal(got, map[string]int{"kill at in.read": 1, "error at in.commit": 1}) {
		t.Errorf("counted the faults %v", got)
	}
}

// A subscriber misses nothing: what is neither an event nor a cut is a difference, also an error in the place of an event.
func TestASubscriberSeesWhatIsNoEvent(t *testing.T) {
	for what, frame := range map[string]string{
		"an error": `{"id":"1","type":"next","payload":{"data":null,"errors":[{"message":"something went wrong on our side"}]}}`,
		"a resync": `{"id":"1","type":"next","payload":{"data":{"conversationEvents":{"__typename":"Resync","reason":"NOT_SHOWN"}}}}`,
		"nonsense": `{"id":"1","type":"next","payload":7}`,
	} {
		s := newSubscriber(nil, nil, nil, nil)
		if goesOn := s.take([]byte(frame)); goesOn || len(s.wrong) != 1 {
			t.Errorf("%s: goes on %v, complains %q", what, goesOn, s.wrong)
		}
	}
}
