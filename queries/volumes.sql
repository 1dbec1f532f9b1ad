-- name: TurnVolumes :one
SELECT app.turn_volumes(@keep_events, @keep_journal)::text AS did;
