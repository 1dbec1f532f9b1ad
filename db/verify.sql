-- The invariants that a database can check about itself. Each check selects what violates it, one text per violation, and runs in a
-- read-only snapshot of one tenant, under its row security; $1 is the tenant. `switchboard verify` runs them for every tenant.

-- check: events are numbered to head without gaps, from 1 unless the oldest were dropped, and their volumes grow with them
SELECT format('head %s, %s events from %s to %s', h.seq, e.n, e.lo, e.hi)
FROM tenant_heads h, LATERAL (SELECT count(*) AS n, coalesce(min(seq), h.seq + 1) AS lo, coalesce(max(seq), h.seq) AS hi
  FROM events WHERE tenant_id = h.tenant_id) e, (SELECT min(volume) AS oldest FROM app.volumes WHERE events_kept) v
WHERE h.tenant_id = $1 AND (e.hi <> h.seq OR e.n <> e.hi - e.lo + 1 OR e.lo <> 1 AND v.oldest = 1 OR e.n = 0 AND h.seq > 0 AND h.volume >= v.oldest)
UNION ALL
SELECT format('event %s of volume %s comes before one of volume %s', seq, volume, next) FROM (
  SELECT seq, volume, lead(volume) OVER (ORDER BY seq) AS next FROM events WHERE tenant_id = $1) e
WHERE next < volume

-- check: events replayed from the first lead to each conversation as it stands
SELECT format('conversation %s at event %s', conversation_id, seq) FROM (
  SELECT e.conversation_id, e.seq, e.status_before, e.assignee_before, e.team_before,
    lag(e.status_after) OVER w AS status_was, lag(e.assignee_after) OVER w AS assignee_was, lag(e.team_after) OVER w AS team_was
  FROM events e WHERE e.tenant_id = $1 AND e.conversation_id IS NOT NULL AND e.status_after IS NOT NULL
  WINDOW w AS (PARTITION BY e.conversation_id ORDER BY e.seq)) chain
WHERE status_was IS NOT NULL
  AND (status_before, assignee_before, team_before) IS DISTINCT FROM (status_was, assignee_was, team_was)
UNION ALL
SELECT format('conversation %s is %s, its last event says %s', c.id, c.status, e.status_after)
FROM conversations c JOIN (SELECT DISTINCT ON (conversation_id) conversation_id, status_after, assignee_after, team_after FROM events
  WHERE tenant_id = $1 AND status_after IS NOT NULL ORDER BY conversation_id, seq DESC) e ON e.conversation_id = c.id
WHERE c.tenant_id = $1 AND (c.status, c.assignee_id, c.team_id) IS DISTINCT FROM (e.status_after, e.assignee_after, e.team_after)

-- check: every snooze ends once, with its cause (R32)
SELECT format('event %s wakes conversation %s, which was %s', e.seq, e.conversation_id, coalesce(e.status_before, 'new'))
FROM events e WHERE e.tenant_id = $1 AND e.kind = 'CONVERSATION_WOKEN'
  AND (e.status_before IS DISTINCT FROM 'SNOOZED' OR e.status_after IS DISTINCT FROM 'OPEN' OR e.cause IS NULL)
UNION ALL
SELECT format('conversation %s has snooze %s, %s were recorded', c.id, c.snooze_gen, coalesce(e.n, 0))
FROM conversations c LEFT JOIN (SELECT conversation_id, count(*) AS n FROM events WHERE tenant_id = $1 AND kind = 'CONVERSATION_SNOOZED'
  GROUP BY conversation_id) e ON e.conversation_id = c.id
WHERE c.tenant_id = $1 AND (e.n > c.snooze_gen OR coalesce(e.n, 0) < c.snooze_gen AND EXISTS (SELECT FROM app.volumes v WHERE v.volume = 1 AND v.events_kept))

-- check: no resolved conversation holds a message that came after it was resolved (R33)
SELECT format('conversation %s, message %s', c.id, m.id)
FROM conversations c JOIN messages m ON m.tenant_id = c.tenant_id AND m.conversation_id = c.id AND m.direction = 'INBOUND' AND m.seq > c.resolved_at_seq
WHERE c.tenant_id = $1 AND c.status = 'RESOLVED'

-- check: a contact has at most one active conversation on an account
SELECT format('contact %s on account %s has %s', contact_id, channel_account_id, count(*))
FROM conversations WHERE tenant_id = $1 AND status IN ('OPEN', 'SNOOZED') GROUP BY contact_id, channel_account_id HAVING count(*) > 1

-- check: messages of a conversation are numbered without gaps, and its counters say so (R35)
SELECT format('conversation %s stores %s messages, %s inbound; it has %s to %s, %s inbound to %s', c.id, c.last_seq, c.inbound_count,
  m.n, m.last, m.inbound, m.last_inbound)
FROM conversations c, LATERAL (SELECT count(*) AS n, coalesce(max(seq), 0) AS last, count(inbound_no) AS inbound,
  coalesce(max(inbound_no), 0) AS last_inbound, count(DISTINCT inbound_no) AS inbound_numbers
  FROM messages WHERE tenant_id = c.tenant_id AND conversation_id = c.id) m
WHERE c.tenant_id = $1 AND (m.n <> c.last_seq OR m.last <> c.last_seq OR m.inbound <> c.inbound_count OR m.last_inbound <> c.inbound_count
  OR m.inbound_numbers <> m.inbound)

-- check: times of the last message are those of the last message (R35)
SELECT format('conversation %s', c.id)
FROM conversations c
JOIN messages last ON last.tenant_id = c.tenant_id AND last.conversation_id = c.id AND last.seq = c.last_seq
LEFT JOIN LATERAL (SELECT created_at FROM messages m WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id
  AND m.direction = 'INBOUND' ORDER BY m.seq DESC LIMIT 1) inbound ON true
WHERE c.tenant_id = $1 AND (c.last_message_at <> last.created_at OR c.last_inbound_at IS DISTINCT FROM inbound.created_at)

-- check: read cursors count the inbound messages before them (R34)
SELECT format('agent %s, conversation %s counts %s, there are %s', r.agent_id, r.conversation_id, r.inbound_no, n)
FROM read_cursors r JOIN conversations c ON c.tenant_id = r.tenant_id AND c.id = r.conversation_id,
  LATERAL (SELECT count(*) AS n FROM messages m WHERE m.tenant_id = r.tenant_id AND m.conversation_id = r.conversation_id
    AND m.direction = 'INBOUND' AND m.seq <= r.seq) m
WHERE r.tenant_id = $1 AND (r.inbound_no <> n OR r.seq > c.last_seq)

-- check: the status of a message is what its facts say together
SELECT format('message %s is %s, its facts say %s', m.id, m.status, told)
FROM messages m, LATERAL (SELECT CASE coalesce(max(CASE f.kind WHEN 'PRESUMED_FAILED' THEN 1 WHEN 'SENT' THEN 2 WHEN 'FAILED' THEN 3
    WHEN 'DELIVERED' THEN 4 WHEN 'READ' THEN 5 END), 0)
  WHEN 0 THEN 'QUEUED' WHEN 1 THEN 'FAILED' WHEN 2 THEN 'SENT' WHEN 3 THEN 'FAILED' WHEN 4 THEN 'DELIVERED' ELSE 'READ' END AS told
  FROM delivery_facts f WHERE f.tenant_id = m.tenant_id AND f.message_id = m.id) f
WHERE m.tenant_id = $1 AND m.direction = 'OUTBOUND' AND m.status <> told
UNION ALL
SELECT format('message %s is %s and %s', id, direction, status) FROM messages
WHERE tenant_id = $1 AND (direction = 'INBOUND' AND status <> 'RECEIVED' OR direction = 'NOTE' AND status <> 'WRITTEN')

-- check: each change of a message's status has its event (R24)
SELECT format('message %s at event %s: %s>%s after %s', message_id, seq, status_before, status_after, was) FROM (
  SELECT e.message_id, e.seq, e.message_status_before AS status_before, e.message_status_after AS status_after,
    lag(e.message_status_after) OVER (PARTITION BY e.message_id ORDER BY e.seq) AS was
  FROM events e WHERE e.tenant_id = $1 AND e.kind IN ('MESSAGE_CREATED', 'MESSAGE_STATUS_CHANGED')) chain
WHERE was IS NOT NULL AND status_before IS DISTINCT FROM was
UNION ALL
SELECT format('message %s is %s, its last event says %s', m.id, m.status, e.status)
FROM messages m JOIN (SELECT DISTINCT ON (message_id) message_id, message_status_after AS status FROM events
  WHERE tenant_id = $1 AND kind IN ('MESSAGE_CREATED', 'MESSAGE_STATUS_CHANGED') ORDER BY message_id, seq DESC) e ON e.message_id = m.id
WHERE m.tenant_id = $1 AND m.status <> e.status

-- check: a message waits in its lane exactly while it is QUEUED
SELECT format('message %s is %s and %s in the lane', m.id, m.status, CASE WHEN d.message_id IS NULL THEN 'not' ELSE 'still' END)
FROM messages m LEFT JOIN dispatches d ON d.tenant_id = m.tenant_id AND d.message_id = m.id
WHERE m.tenant_id = $1 AND ((m.direction = 'OUTBOUND' AND m.status = 'QUEUED') <> (d.message_id IS NOT NULL)
  OR (d.conversation_id, d.seq, d.channel_account_id) IS DISTINCT FROM (m.conversation_id, m.seq, m.channel_account_id) AND d.message_id IS NOT NULL)

-- check: every attempt and every fact belongs to a message
SELECT format('attempt %s of message %s', a.id, a.message_id) FROM delivery_attempts a
WHERE a.tenant_id = $1 AND NOT EXISTS (SELECT FROM messages m WHERE m.tenant_id = a.tenant_id AND m.id = a.message_id AND m.channel_account_id = a.channel_account_id)
UNION ALL
SELECT format('fact %s of message %s', f.kind, f.message_id) FROM delivery_facts f
WHERE f.tenant_id = $1 AND NOT EXISTS (SELECT FROM messages m WHERE m.tenant_id = f.tenant_id AND m.id = f.message_id)

-- check: the messages of a conversation that do not wait for an earlier one are its first
SELECT format('message %s', d.message_id) FROM dispatches d
WHERE d.tenant_id = $1 AND d.waits AND NOT EXISTS (SELECT FROM dispatches e
  WHERE e.tenant_id = d.tenant_id AND e.conversation_id = d.conversation_id AND e.seq < d.seq AND NOT e.waits)

-- check: no provider is called again once it is known that it had accepted a message
-- A call may have ended long before a receipt proves what became of it, and the next one may have begun meanwhile.
SELECT format('message %s, attempt %s after accepted attempt %s', later.message_id, later.attempt, accepted.attempt)
FROM delivery_attempts accepted JOIN delivery_attempts later ON later.tenant_id = accepted.tenant_id AND later.message_id = accepted.message_id
  AND later.attempt > accepted.attempt
WHERE accepted.tenant_id = $1 AND accepted.outcome = 'ACCEPTED' AND later.started_at > (SELECT min(f.first_seen_at) FROM delivery_facts f
  WHERE f.tenant_id = accepted.tenant_id AND f.message_id = accepted.message_id AND f.kind IN ('SENT', 'DELIVERED', 'READ'))

-- check: no receipt is parked although its message is known
SELECT format('receipt %s of %s', p.kind, a.message_id)
FROM parked_facts p JOIN delivery_attempts a ON a.tenant_id = p.tenant_id AND a.channel_account_id = p.channel_account_id
  AND a.external_id = p.external_id
WHERE p.tenant_id = $1

-- check: every message is on the account of its conversation, and every line of the journal on one that is there
SELECT format('message %s', m.id) FROM messages m JOIN conversations c ON c.tenant_id = m.tenant_id AND c.id = m.conversation_id
WHERE m.tenant_id = $1 AND m.channel_account_id <> c.channel_account_id
UNION ALL
SELECT format('item %s', w.id) FROM webhook_items w
WHERE w.tenant_id = $1 AND NOT EXISTS (SELECT FROM channel_accounts a WHERE a.tenant_id = w.tenant_id AND a.id = w.channel_account_id)

-- check: every row of the queue is of a message that goes out, in its conversation and on its account
SELECT format('row of message %s', d.message_id) FROM dispatches d
WHERE d.tenant_id = $1 AND NOT EXISTS (SELECT FROM messages m WHERE m.tenant_id = d.tenant_id AND m.id = d.message_id AND m.seq = d.seq
  AND m.conversation_id = d.conversation_id AND m.channel_account_id = d.channel_account_id AND m.direction = 'OUTBOUND')

-- check: every webhook item that was applied took effect, once (R1, R2)
SELECT format('item %s of %s has no message', w.id, w.received_at) FROM webhook_items w
WHERE w.tenant_id = $1 AND w.state = 'APPLIED' AND w.kind = 'MESSAGE'
  AND NOT EXISTS (SELECT FROM messages m WHERE m.tenant_id = w.tenant_id AND m.channel_account_id = w.channel_account_id AND m.external_id = w.item_key)
  AND NOT EXISTS (SELECT FROM message_marks m WHERE m.tenant_id = w.tenant_id AND m.channel_account_id = w.channel_account_id AND m.external_id = w.item_key)
UNION ALL
SELECT format('%s items %s were applied, on account %s', count(*), item_key, channel_account_id) FROM webhook_items
WHERE tenant_id = $1 AND state = 'APPLIED' AND kind = 'MESSAGE' GROUP BY channel_account_id, item_key HAVING count(*) > 1

-- check: every duplicate message repeats one that was kept, and every message that came in is in the journal as far as that reaches
SELECT format('item %s of %s repeats nothing', w.id, w.received_at) FROM webhook_items w
WHERE w.tenant_id = $1 AND w.state = 'DUPLICATE' AND w.kind = 'MESSAGE' AND NOT EXISTS (SELECT FROM webhook_items first WHERE first.tenant_id = w.tenant_id
  AND first.channel_account_id = w.channel_account_id AND first.item_key = w.item_key AND first.state <> 'DUPLICATE')
  AND EXISTS (SELECT FROM app.volumes v WHERE v.volume = 1 AND v.journal_kept)
UNION ALL
SELECT format('message %s came from nowhere', m.id) FROM messages m
WHERE m.tenant_id = $1 AND m.direction = 'INBOUND' AND m.external_id IS NOT NULL AND NOT EXISTS (SELECT FROM webhook_items w
  WHERE w.tenant_id = m.tenant_id AND w.channel_account_id = m.channel_account_id AND w.item_key = m.external_id AND w.state = 'APPLIED')
  AND m.created_at > (SELECT CASE WHEN min(v.volume) > 1 THEN min(v.opened_at) + interval '1 hour' ELSE '-infinity' END FROM app.volumes v WHERE v.journal_kept)

-- check: every receipt that was taken is a fact, or waits for its message (R5)
SELECT format('receipt %s of %s is neither', w.id, w.received_at) FROM webhook_items w,
  LATERAL (SELECT split_part(w.item_key, ':', 1) AS id, CASE split_part(w.item_key, ':', 2) WHEN 'played' THEN 'READ' ELSE upper(split_part(w.item_key, ':', 2)) END AS kind) r
WHERE w.tenant_id = $1 AND w.kind = 'RECEIPT' AND w.provider = 'meta' AND w.state IN ('APPLIED', 'DUPLICATE')
  AND NOT EXISTS (SELECT FROM parked_facts p WHERE p.tenant_id = w.tenant_id AND p.channel_account_id = w.channel_account_id
    AND p.external_id = r.id AND p.kind = r.kind)
  AND NOT EXISTS (SELECT FROM delivery_attempts a JOIN delivery_facts f ON f.tenant_id = a.tenant_id AND f.message_id = a.message_id AND f.kind = r.kind
    WHERE a.tenant_id = w.tenant_id AND a.channel_account_id = w.channel_account_id AND a.external_id = r.id)
  -- One whose message never came is given up after a week.
  AND (w.received_at > app.now() - interval '6 days' OR EXISTS (SELECT FROM delivery_attempts a
    WHERE a.tenant_id = w.tenant_id AND a.channel_account_id = w.channel_account_id AND a.external_id = r.id))
