package attack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOnlyDocumentsOnTheList runs the binary with a list: it answers the operator's documents, by text and by hash, and the agent app's,
// and no other. (H1)
func TestOnlyDocumentsOnTheList(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	sum := sha256.Sum256([]byte(loginDocument))
	manifest, err := json.Marshal(map[string]string{hex.EncodeToString(sum[:]): loginDocument})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "ours.json"), manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, "SWITCHBOARD_DOCUMENTS="+folder)
	n := s.shop("shop-a")
	n.signIn()
	status, text := n.plain("POST", "/graphql", "application/json", `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"`+hex.EncodeToString(sum[:])+
		`"}},"variables":{"in":{"tenant":"shop-a","email":"ada@shop.example","password":"`+password+`"}}}`)
	if !strings.Contains(text, `"accessToken":"`) {
		t.Errorf("a hash on the list is answered %d %s", status, text)
	}
	source, err := os.ReadFile("../../web/src/api/operations/alert.graphql")
	s.must(err)
	app, _, _ := strings.Cut(string(source), "subscription ")
	if raw := n.ask("ada", app, nil); !strings.Contains(raw, `"alerts":{`) {
		t.Errorf("the app's own document is answered %s", raw)
	}
	for _, other := range []string{"{ viewer { agent { name } } }", strings.Replace(app, "first: 50", "first: 51", 1), app + " query Q { teams { id } }"} {
		if raw := n.ask("ada", other, nil); !strings.Contains(raw, `"reason":"DOCUMENT_NOT_LISTED"`) || strings.Contains(raw, `"data":{`) {
			t.Errorf("%s is answered %s", other, raw)
		}
	}
}
