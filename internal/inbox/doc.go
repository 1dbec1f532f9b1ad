// Package inbox is the domain of conversations: what comes in, who answers, and what everybody may see. It knows no Postgres, no
// GraphQL and no queue; package db implements the stores it declares.
//
// Imports: channel, fault, faultpoint, secret, phonenumbers, mimetype, x/image.
package inbox
