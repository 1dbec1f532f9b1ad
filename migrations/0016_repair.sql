-- +goose Up
-- Only rows that wait are in it, so that it costs nothing where people get one message at a time. It finds the next row of a conversation behind
-- the finished ones, and conversations where somebody waits.
CREATE INDEX dispatches_waiting_idx ON dispatches (tenant_id, conversation_id, seq) WHERE waits;

-- Conversations whose first waiting row waits for nobody: whoever finished the row before it did not call it. A binary from before rows waited
-- does not. It hops from one conversation to the next, so that it reads one row of each, however many wait in it.
-- +goose StatementBegin
CREATE FUNCTION app.uncalled_conversations(most int) RETURNS TABLE (tenant_id uuid, conversation_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ WITH RECURSIVE hop AS (
        (SELECT d.tenant_id, d.conversation_id, d.seq FROM public.dispatches d WHERE d.waits
         ORDER BY d.tenant_id, d.conversation_id, d.seq LIMIT 1)
        UNION ALL
        SELECT n.tenant_id, n.conversation_id, n.seq FROM hop h
        CROSS JOIN LATERAL (SELECT d.tenant_id, d.conversation_id, d.seq FROM public.dispatches d
          WHERE d.waits AND (d.tenant_id, d.conversation_id) > (h.tenant_id, h.conversation_id)
          ORDER BY d.tenant_id, d.conversation_id, d.seq LIMIT 1) n
      )
      SELECT h.tenant_id, h.conversation_id FROM hop h
      WHERE NOT EXISTS (SELECT FROM public.dispatches e
                        WHERE e.tenant_id = h.tenant_id AND e.conversation_id = h.conversation_id AND e.seq < h.seq AND e.passable_at IS NULL)
      LIMIT most $$;

DO $$
BEGIN
  GRANT CREATE ON SCHEMA app TO switchboard_sweeper;
  ALTER FUNCTION app.uncalled_conversations(int) OWNER TO switchboard_sweeper;
  REVOKE ALL ON FUNCTION app.uncalled_conversations(int) FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION app.uncalled_conversations(int) TO switchboard_app;
  REVOKE CREATE ON SCHEMA app FROM switchboard_sweeper;
END $$;
-- +goose StatementEnd
