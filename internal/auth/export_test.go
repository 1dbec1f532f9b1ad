package auth

import "crypto/ed25519"

// ForgetKeys makes the Tokens know no key any more: a token that is looked at from now on is refused.
func (t *Tokens) ForgetKeys() { t.public = map[string]ed25519.PublicKey{} }
