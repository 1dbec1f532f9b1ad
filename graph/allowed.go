package graph

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// AllowedDocuments are the only documents that a server answers when an operator has listed them. A client sends one as text, in any
// layout, or its SHA-256 alone as `extensions.persistedQuery.sha256Hash`.
type AllowedDocuments struct {
	texts map[string]string // by the hash of the text as it was listed
	known map[[sha256.Size]byte]bool
}

// ReadAllowedDocuments reads the files at the roots of the folders: *.json, which clients' builds write (an object of SHA-256 to text), and *.graphql,
// the sources of operations, whose fragments may stand in another file of the same folder. It returns an error that names the file at
// fault, also for a hash that is not its text's, and for folders that hold no document.
func ReadAllowedDocuments(folders ...fs.FS) (*AllowedDocuments, error) {
	a := &AllowedDocuments{texts: map[string]string{}, known: map[[sha256.Size]byte]bool{}}
	for _, folder := range folders {
		before := len(a.texts)
		sources := &ast.QueryDocument{}
		entries, err := fs.ReadDir(folder, ".")
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if err := a.file(folder, entry.Name(), sources); err != nil {
				return nil, fmt.Errorf("%s: %w", entry.Name(), err)
			}
		}
		if err := a.operations(sources); err != nil {
			return nil, err
		}
		if len(a.texts) == before {
			return nil, errors.New("there is no document in it")
		}
	}
	return a, nil
}

// file adds a manifest's documents, or a source's definitions to sources; other files are left alone.
func (a *AllowedDocuments) file(folder fs.FS, name string, sources *ast.QueryDocument) error {
	kind := path.Ext(name)
	if kind != ".json" && kind != ".graphql" {
		return nil
	}
	content, err := fs.ReadFile(folder, name)
	if err != nil {
		return err
	}
	if kind == ".graphql" {
		document, err := parser.ParseQuery(&ast.Source{Name: name, Input: string(content)})
		if err != nil {
			return err
		}
		sources.Operations = append(sources.Operations, document.Operations...)
		sources.Fragments = append(sources.Fragments, document.Fragments...)
		return nil
	}
	var manifest map[string]string
	if err := json.Unmarshal(content, &manifest); err != nil {
		return fmt.Errorf("it is no object of SHA-256 to document: %w", err)
	}
	for hash, text := range manifest {
		if hash != hashOf(text) {
			return fmt.Errorf("%s is not the SHA-256 of its document", hash)
		}
		if err := a.add(text); err != nil {
			return fmt.Errorf("%s: %w", hash, err)
		}
	}
	return nil
}

// operations adds each operation with the fragments it needs.
func (a *AllowedDocuments) operations(sources *ast.QueryDocument) error {
	for _, operation := range sources.Operations {
		document := &ast.QueryDocument{Operations: ast.OperationList{operation}}
		if err := gather(operation.SelectionSet, sources.Fragments, document); err != nil {
			return fmt.Errorf("%s: %w", operation.Name, err)
		}
		if err := a.add(layout(document)); err != nil {
			return fmt.Errorf("%s: %w", operation.Name, err)
		}
	}
	return nil
}

// gather adds to the document the fragments that the selection spreads.
func gather(set ast.SelectionSet, all ast.FragmentDefinitionList, document *ast.QueryDocument) error {
	for _, selection := range set {
		inner := ast.SelectionSet(nil)
		switch s := selection.(type) {
		case *ast.Field:
			inner = s.SelectionSet
		case *ast.InlineFragment:
			inner = s.SelectionSet
		case *ast.FragmentSpread:
			fragment := all.ForName(s.Name)
			if fragment == nil {
				return fmt.Errorf("there is no fragment %s", s.Name)
			}
			if document.Fragments.ForName(s.Name) == nil {
				document.Fragments = append(document.Fragments, fragment)
				inner = fragment.SelectionSet
			}
		}
		if err := gather(inner, all, document); err != nil {
			return err
		}
	}
	return nil
}

// add lists a document.
func (a *AllowedDocuments) add(text string) error {
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens)
	if err != nil {
		return err
	}
	if len(document.Operations) == 0 {
		return errors.New("it holds no operation")
	}
	a.texts[hashOf(text)] = text
	a.known[sha256.Sum256([]byte(layout(document)))] = true
	return nil
}

// layout returns the document in the one form in which documents are compared: clients lay the same document out in their own ways.
func layout(document *ast.QueryDocument) string {
	sorted := &ast.QueryDocument{Operations: slices.Clone(document.Operations), Fragments: slices.Clone(document.Fragments)}
	slices.SortFunc(sorted.Operations, func(a, b *ast.OperationDefinition) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(sorted.Fragments, func(a, b *ast.FragmentDefinition) int { return cmp.Compare(a.Name, b.Name) })
	var text strings.Builder
	formatter.NewFormatter(&text, formatter.WithCompacted()).FormatQueryDocument(sorted)
	return text.String()
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// allowed lets only listed documents through, before anything of them is looked at; with no list it only tells clients that come with a
// hash that there is none. It is an extension of the executor, so that it holds for every protocol.
type allowed struct{ list *AllowedDocuments }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
} = allowed{}

// ExtensionName returns the name under which gqlgen lists the extension.
func (allowed) ExtensionName() string { return "AllowedDocuments" }

// Validate returns nil.
func (allowed) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters puts the document of a hash in its place. It returns Forbidden for a document or hash that is not listed, and
// Invalid for a hash that is none, or not that of the document beside it.
func (a allowed) MutateOperationParameters(_ context.Context, params *graphql.RawParams) *gqlerror.Error {
	hash, err := hashIn(params.Extensions)
	switch {
	case err != nil:
		return gqlerror.Wrap(err)
	case a.list == nil && hash != "" && params.Query == "":
		return gqlerror.Wrap(fault.BadField("query", "query is missing: this server keeps no list of documents, send the text"))
	case a.list == nil:
		return nil
	case params.Query != "" && hash != "" && hash != hashOf(params.Query):
		return gqlerror.Wrap(fault.BadField("sha256Hash", "sha256Hash is not the hash of the query beside it"))
	case params.Query == "":
		params.Query = a.list.texts[hash]
	}
	if document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: params.Query}, maxTokens); err == nil {
		if a.list.known[sha256.Sum256([]byte(layout(document)))] {
			return nil
		}
	}
	return gqlerror.Wrap(&fault.Error{
		Code: fault.Forbidden, Message: "this server answers only the documents on its list, and this is none of them",
		Details: map[string]any{"reason": "DOCUMENT_NOT_LISTED"},
	})
}

// hashIn returns the hash of a persisted query, or "" when there is none.
func hashIn(extensions map[string]any) (string, error) {
	persisted, given := extensions["persistedQuery"]
	if !given {
		return "", nil
	}
	fields, _ := persisted.(map[string]any)
	hash, _ := fields["sha256Hash"].(string)
	if bytes, err := hex.DecodeString(hash); err != nil || len(bytes) != sha256.Size {
		return "", fault.BadField("sha256Hash", "extensions.persistedQuery.sha256Hash is a SHA-256 in hexadecimal")
	}
	return strings.ToLower(hash), nil
}
