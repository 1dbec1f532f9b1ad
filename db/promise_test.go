package db_test

import (
	"testing"
)

// TestPromisesRestOnKeys holds the unique keys that make "once" true whatever the code above them does: locks are taken before rows are
// looked for, so losing one of these would show in no other test until the day a lock is forgotten. (R2, R4, R7, R21, R40, R63, H23)
func TestPromisesRestOnKeys(t *testing.T) {
	t.Parallel()
	z := newZoo(t)
	for key, columns := range map[string]string{
		"messages_external_id_key":      "tenant_id, channel_account_id, external_id", // a provider's message is kept once
		"message_marks_external_id_key": "tenant_id, channel_account_id, external_id", // so are reactions, edits and deletions
		"messages_seq_key":              "tenant_id, conversation_id, seq",
		"messages_retry_of_key":         "tenant_id, retry_of",
		"contact_identities_pkey":       "tenant_id, kind, value",
		"conversations_active_key":      "tenant_id, contact_id, channel_account_id",
		"idempotency_keys_pkey":         "tenant_id, actor_id, key",
		"events_1_pkey":                 "tenant_id, seq", // of a volume; between them the head row keeps numbers apart
		"events_2_pkey":                 "tenant_id, seq",
		"delivery_facts_pkey":           "tenant_id, message_id, kind",
		"audit_seals_pkey":              "tenant_id, no",
		"audit_seals_audit_id_key":      "tenant_id, audit_id",
	} {
		found := z.list(`SELECT (SELECT string_agg(a.attname, ', ' ORDER BY k.no) FROM unnest(i.indkey) WITH ORDINALITY k (attnum, no)
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum)
			FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = $1 AND i.indisunique AND i.indisvalid`, key)
		if len(found) != 1 || found[0] != columns {
			t.Errorf("the unique key %s is over %q, want %q", key, found, columns)
		}
	}
}
