-- name: InsertDispatches :exec
-- The caller has locked the conversation, and so has whoever finishes an earlier row of it: none of the two misses the other.
INSERT INTO dispatches (tenant_id, message_id, channel_account_id, conversation_id, seq, state, due_at, recipient, queued_at, expires_at, waits)
SELECT @tenant_id, d.message_id, d.channel_account_id, d.conversation_id, d.seq, 'READY', app.now(), nullif(d.recipient, ''), app.now(),
  app.now() + @lifetime::interval, EXISTS (SELECT FROM dispatches e
    WHERE e.tenant_id = @tenant_id AND e.conversation_id = d.conversation_id AND e.seq < d.seq)
FROM (SELECT unnest(@message_ids::uuid[]) AS message_id, unnest(@channel_account_ids::uuid[]) AS channel_account_id,
  unnest(@conversation_ids::uuid[]) AS conversation_id, unnest(@seqs::bigint[]) AS seq, unnest(@recipients::text[]) AS recipient) d;

-- name: LockDispatches :many
SELECT * FROM dispatches WHERE tenant_id = @tenant_id AND message_id = ANY (@ids::uuid[]) ORDER BY message_id FOR UPDATE;

-- name: DispatchesByIDs :many
-- The first of the conversation that may not be passed, maybe the row itself, is what it waits for.
SELECT sqlc.embed(d), l.hold, l.held_since, l.limited_until, l.probe_at, app.now()::timestamptz AS now,
  coalesce(e.hold = 'RECIPIENT', false)::boolean AS recipient_limited,
  greatest(e.held_since, d.queued_at)::timestamptz AS recipient_since, coalesce(e.due_at, d.due_at)::timestamptz AS recipient_until
FROM dispatches d
LEFT JOIN lanes l ON l.tenant_id = d.tenant_id AND l.channel_account_id = d.channel_account_id
LEFT JOIN LATERAL (SELECT f.hold, f.held_since, f.due_at FROM dispatches f
  WHERE f.tenant_id = @tenant_id AND f.conversation_id = d.conversation_id AND f.seq <= d.seq AND f.passable_at IS NULL
  ORDER BY f.seq LIMIT 1) e ON true
WHERE d.tenant_id = @tenant_id AND d.message_id = ANY (@ids::uuid[]);

-- name: UpdateDispatches :exec
-- Fenced: a row that has another attempt by now is left alone. One whose recipient gets too much is not to be passed, whatever happened to it before.
-- One that is not held and may not be passed has been given back without a call. It waits as it did before: at its place in the queue, or, when it was
-- called before, from now on, since it has been due for no longer than that.
UPDATE dispatches d
SET state = u.state, tries = u.tries, crashes = u.crashes, auth_retried = u.auth_retried,
  due_at = CASE WHEN u.given_back AND d.passable_at IS NULL AND d.hold IS NULL THEN d.queued_at ELSE least(app.now() + u.wait, d.expires_at) END,
  hold = CASE WHEN u.given_back THEN d.hold ELSE nullif(u.hold, '') END,
  held_since = CASE WHEN u.given_back THEN d.held_since WHEN u.hold <> 'RECIPIENT' THEN NULL WHEN d.hold = u.hold THEN d.held_since ELSE app.now() END,
  passable_at = CASE WHEN u.hold = 'RECIPIENT' THEN NULL WHEN u.passable THEN coalesce(d.passable_at, app.now() + interval '30 seconds') ELSE d.passable_at END
FROM (SELECT s.*, s.state = 'READY' AND s.hold = '' AND NOT s.passable AS given_back
  FROM (SELECT unnest(@message_ids::uuid[]) AS message_id, unnest(@attempts::int[]) AS attempt, unnest(@states::text[]) AS state,
    unnest(@waits::interval[]) AS wait, unnest(@tries::int[]) AS tries, unnest(@crashes::int[]) AS crashes,
    unnest(@auth_retried::boolean[]) AS auth_retried, unnest(@holds::text[]) AS hold, unnest(@passables::boolean[]) AS passable) s) u
WHERE d.tenant_id = @tenant_id AND d.message_id = u.message_id AND d.attempt = u.attempt;

-- name: DeleteDispatches :exec
DELETE FROM dispatches WHERE tenant_id = @tenant_id AND message_id = ANY (@ids::uuid[]);

-- name: CallNext :exec
-- Those that wait are the last of their conversation, so the index finds the next behind the few that do not.
UPDATE dispatches d SET waits = false
FROM unnest(@conversation_ids::uuid[]) AS c (id)
CROSS JOIN LATERAL (SELECT w.message_id FROM dispatches w
  WHERE w.tenant_id = @tenant_id AND w.conversation_id = c.id AND w.waits ORDER BY w.seq LIMIT 1) next
WHERE d.tenant_id = @tenant_id AND d.message_id = next.message_id;

-- name: OrderAgain :execrows
-- What was called before its lane was held is waited for again by what stands behind it in its conversation, and takes its place in the queue again. New
-- credentials are tried twice again by all that were refused before, also by what is not due yet or has a call to be explained. What was refused may be
-- passed until it is ordered again, so it is found by that; therefore it must not come out of here refused, whatever held the lane.
UPDATE dispatches d SET passable_at = CASE WHEN p.due THEN NULL ELSE d.passable_at END, auth_retried = false,
  due_at = CASE WHEN p.due THEN d.queued_at ELSE d.due_at END
FROM (SELECT x.message_id, x.state = 'READY' AND x.due_at <= (SELECT app.now()) AS due FROM dispatches x
  WHERE x.tenant_id = @tenant_id AND x.channel_account_id = @channel_account_id AND x.passable_at IS NOT NULL
    AND (x.state = 'READY' AND x.due_at <= (SELECT app.now()) OR x.auth_retried AND @hold::text = 'REAUTH')
  ORDER BY x.message_id LIMIT @most FOR NO KEY UPDATE) p
WHERE d.tenant_id = @tenant_id AND d.message_id = p.message_id;

-- name: OverdueDispatches :many
-- Nothing of a lane that is held leaves the front of its queue, where what has not been called stands by when it was queued, so what has expired there
-- is among the first. What has been called may be due far behind others that are younger, and is looked for by itself.
SELECT d.message_id, d.conversation_id, d.state, (d.expires_at <= app.now())::boolean AS expired, d.attempt, d.tries, d.crashes,
  d.auth_retried, m.on_unknown, m.kind
FROM (
  (SELECT x.* FROM dispatches x
   WHERE x.tenant_id = @tenant_id AND x.channel_account_id = @channel_account_id AND x.state <> 'READY' AND x.due_at <= (SELECT app.now())
     AND NOT x.waits ORDER BY x.due_at LIMIT @most)
  UNION ALL
  SELECT f.* FROM (SELECT x.* FROM dispatches x
    WHERE x.tenant_id = @tenant_id AND x.channel_account_id = @channel_account_id AND NOT x.waits AND x.due_at <= (SELECT app.now())
    ORDER BY x.due_at, x.message_id LIMIT @most) f
  WHERE f.state = 'READY' AND f.expires_at <= (SELECT app.now()) AND f.passable_at IS NULL AND f.hold IS NULL
  UNION ALL
  (SELECT x.* FROM dispatches x
   WHERE x.tenant_id = @tenant_id AND x.channel_account_id = @channel_account_id AND (x.passable_at IS NOT NULL OR x.hold IS NOT NULL)
     AND x.expires_at <= (SELECT app.now()) AND x.state = 'READY' AND x.due_at <= (SELECT app.now()) AND NOT x.waits
   ORDER BY x.expires_at LIMIT @most)
) d JOIN messages m ON m.tenant_id = @tenant_id AND m.id = d.message_id
ORDER BY d.due_at LIMIT @most;

-- name: DownTooLong :many
-- Time behind an open breaker counts: what waited for credentials before has to be tried with them. A probe moves its row's time on; such a row is
-- marked. While one is under way nothing fails: it may find that the provider has come back.
SELECT d.message_id, d.conversation_id, d.attempt FROM lanes l CROSS JOIN LATERAL (
  (SELECT x.* FROM dispatches x
   WHERE x.tenant_id = l.tenant_id AND x.channel_account_id = l.channel_account_id AND x.waits IN (false, true)
     AND x.due_at <= (SELECT app.now()) - @patience::interval AND x.state = 'READY' LIMIT @most)
  UNION ALL
  (SELECT x.* FROM dispatches x
   WHERE x.tenant_id = l.tenant_id AND x.channel_account_id = l.channel_account_id AND x.hold = 'BREAKER' AND x.state = 'READY'
     AND x.queued_at <= (SELECT app.now()) - @patience::interval AND x.due_at > (SELECT app.now()) - @patience::interval LIMIT @most)
) d
WHERE l.tenant_id = @tenant_id AND l.channel_account_id = @channel_account_id AND l.breaker_opened_at <= app.now() - @patience::interval
  AND l.hold = 'BREAKER' AND l.held_since <= app.now() - @patience::interval
  AND NOT EXISTS (SELECT FROM dispatches s
    WHERE s.tenant_id = l.tenant_id AND s.channel_account_id = l.channel_account_id AND s.state = 'SENDING')
LIMIT @most;

-- name: NextDue :one
-- When the lane, which was looked at then, has to be looked at again; no row: nothing waits there. What has fallen due since is due.
SELECT extract(epoch FROM min(t.at) - app.now())::float8 AS seconds FROM (
  SELECT min(d.due_at) AS at FROM dispatches d
  WHERE d.tenant_id = @tenant_id AND d.channel_account_id = @channel_account_id AND NOT d.waits AND d.due_at > @looked
  UNION ALL
  SELECT min(d.passable_at) FROM dispatches d
  WHERE d.tenant_id = @tenant_id AND d.channel_account_id = @channel_account_id AND d.passable_at > @looked
  UNION ALL
  SELECT CASE WHEN l.breaker_opened_at IS NOT NULL THEN greatest(l.probe_at, app.now() + interval '1 second') ELSE l.limited_until END
  FROM lanes l
  WHERE l.tenant_id = @tenant_id AND l.channel_account_id = @channel_account_id
    AND (l.breaker_opened_at IS NOT NULL OR l.limited_until > @looked)
    AND EXISTS (SELECT FROM dispatches d WHERE d.tenant_id = @tenant_id AND d.channel_account_id = @channel_account_id)
) t HAVING min(t.at) IS NOT NULL;

-- name: ContactByPhone :one
SELECT contact_id FROM contact_identities WHERE tenant_id = @tenant_id AND kind = 'PHONE' AND value = @phone;

-- name: NewestConversationOf :one
SELECT n.id FROM conversations n WHERE n.tenant_id = @tenant_id AND n.id = coalesce(
  (SELECT c.id FROM conversations c WHERE c.tenant_id = @tenant_id AND c.contact_id = @contact_id AND c.channel_account_id = @channel_account_id
     AND c.status IN ('OPEN', 'SNOOZED')),
  (SELECT c.id FROM conversations c WHERE c.tenant_id = @tenant_id AND c.contact_id = @contact_id AND c.channel_account_id = @channel_account_id
     AND c.status = 'RESOLVED' ORDER BY c.created_at DESC, c.id DESC LIMIT 1));
