// Package outbound is the domain of sending: what may be queued, who is called when, what an error leads to, and what receipts prove.
// Every schedule, attempt and lease is a row; whoever rings a lane only says "look now". It knows no Postgres, no GraphQL and no
// queue; package db implements the store it declares, and package jobs rings.
//
// Imports: inbox, channel, fault, faultpoint, secret.
package outbound
