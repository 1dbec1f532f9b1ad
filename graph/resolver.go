package graph

// Resolver answers the fields of the schema. Its methods stand in the *.resolvers.go file of their noun; each decodes, makes one
// call, and wraps the answer.
type Resolver struct{}
