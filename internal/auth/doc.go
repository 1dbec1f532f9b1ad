// Package auth knows who calls: passwords, sign-ins with rotating refresh tokens, access tokens, API keys. Whatever is wrong with a
// credential, the answer is the same.
//
// Imports: inbox, fault, secret, golang-jwt, argon2.
package auth
