// Package migrations embeds the numbered SQL files that make the schema. They run forward only, each written so that the binary
// before it still works (expand first, contract later).
//
// Imports: the standard library only.
package migrations

import "embed"

// Files holds every migration, in goose's format.
//
//go:embed *.sql
var Files embed.FS
