// Package attack attacks the binary as an outsider, a foreign tenant and a hostile client would. It holds tests only; what they attack is
// made from the schema, so that a new field, argument or operation is attacked on the day it is added, or fails here.
//
// Imports: nothing.
package attack
