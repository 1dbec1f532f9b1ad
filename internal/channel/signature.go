package channel

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// signatureSlots is how many keys every verification tries, whether the endpoint has none, one or two. An unknown endpoint, a
// wrong signature and a rotation in progress therefore cost the same, and timing tells nobody which addresses exist.
const signatureSlots = 2

// UnknownEndpoint returns an Endpoint that no request can satisfy. Verifying against it costs what a real one costs, so an edge
// that finds no endpoint goes on with this one instead of answering early.
func UnknownEndpoint() Endpoint { return Endpoint{} }

// SignSHA256 returns the HMAC-SHA256 of body under secret, in lower-case hex.
func SignSHA256(secret, body []byte) string {
	return hex.EncodeToString(sumSHA256(secret, body))
}

// VerifySHA256 reports whether signature is the lower-case hex HMAC-SHA256 of the raw body under one of the endpoint's secrets. It
// compares in constant time and does the same work for every endpoint and every signature, malformed ones included.
func (e Endpoint) VerifySHA256(body []byte, signature string) bool {
	given, wellFormed := decodeMAC(signature)
	matched := 0
	for i := range max(signatureSlots, len(e.secrets)) {
		secret, usable := []byte("no endpoint has this secret"), 0
		if i < len(e.secrets) && len(e.secrets[i]) > 0 {
			secret, usable = e.secrets[i], 1 // an empty secret would let anybody sign
		}
		matched |= usable & subtle.ConstantTimeCompare(sumSHA256(secret, body), given[:])
	}
	return matched&wellFormed == 1
}

// VerifyToken reports in constant time whether token is the endpoint's verification token. An endpoint without one has no match.
func (e Endpoint) VerifyToken(token string) bool {
	want, got := sha256.Sum256(e.verifyToken), sha256.Sum256([]byte(token))
	known := 0
	if len(e.verifyToken) > 0 {
		known = 1
	}
	return subtle.ConstantTimeCompare(want[:], got[:])&known == 1
}

func sumSHA256(secret, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return mac.Sum(nil)
}

// decodeMAC returns the bytes of a signature and 1, or something useless and 0.
func decodeMAC(signature string) (mac [sha256.Size]byte, wellFormed int) {
	if len(signature) != hex.EncodedLen(sha256.Size) {
		return mac, 0
	}
	for i := range len(signature) {
		if c := signature[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return mac, 0
		}
	}
	_, err := hex.Decode(mac[:], []byte(signature))
	if err != nil {
		return mac, 0
	}
	return mac, 1
}
