// Package graph is the GraphQL edge. Resolvers decode, make one call and wrap the answer; what a field needs from storage comes
// through loaders that live as long as one response. Protocols stand in internal/wire, and errors leave through one presenter.
//
// A WebSocket presents its credential in connection_init, as {"authorization": "Bearer …"} or {"apiKey": "…"}; a connection without an
// Origin header comes from no browser and needs an API key.
//
// Imports: auth, inbox, outbound, live, channel, fault, telemetry, gqlgen, and internal/gen, which only this package may import.
package graph
