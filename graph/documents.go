package graph

import (
	"context"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
)

// What is kept of parsed documents. Clients send the same few again and again.
const (
	maxDocuments      = 500
	maxDocumentLength = 8 << 10
)

// documents keeps parsed and validated documents by their text, short ones only, so that it cannot be made to hold much. When it is
// full it starts anew: a flood of made-up documents costs parsing the real ones once more.
type documents struct {
	mu   sync.RWMutex
	kept map[string]*ast.QueryDocument
}

func newDocuments() *documents { return &documents{kept: map[string]*ast.QueryDocument{}} }

// Get returns the document of the text, if it is kept.
func (d *documents) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	document, ok := d.kept[text]
	return document, ok
}

// Add keeps the document of a short text.
func (d *documents) Add(_ context.Context, text string, document *ast.QueryDocument) {
	if len(text) > maxDocumentLength {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.kept) >= maxDocuments {
		clear(d.kept)
	}
	d.kept[text] = document
}
