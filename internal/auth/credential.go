package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// The prefixes of our opaque credentials, so that a leaked one can be recognised for what it is.
const (
	apiKeyPrefix  = "ik"
	refreshPrefix = "rt"
)

// newCredential returns "prefix_tenant_secret" with 256 random bits. The tenant stands in it so that finding it needs no look across
// tenants.
func newCredential(prefix string, tenant inbox.TenantID) string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	id := tenant.UUID()
	return prefix + "_" + encodeTenant(id) + "_" + base64.RawURLEncoding.EncodeToString(random)
}

// NewAPIKey returns a new API key of the tenant, to be shown once, and the hash to keep.
func NewAPIKey(tenant inbox.TenantID) (key string, hash []byte) {
	key = newCredential(apiKeyPrefix, tenant)
	return key, hashCredential(key)
}

// parseCredential returns the tenant that a credential of the prefix names. The credential is not proved by that.
func parseCredential(prefix, credential string) (inbox.TenantID, bool) {
	if len(credential) > 128 {
		return inbox.TenantID{}, false
	}
	rest, found := strings.CutPrefix(credential, prefix+"_")
	if !found || len(rest) != 26+1+43 || rest[26] != '_' {
		return inbox.TenantID{}, false
	}
	id, ok := decodeTenant(rest[:26])
	return inbox.TenantOf(id), ok && id != uuid.Nil
}

// hashCredential needs no salt and no stretching: the credential has 256 random bits.
func hashCredential(credential string) []byte {
	sum := sha256.Sum256([]byte(credential))
	return sum[:]
}

// Crockford-like lower-case base32 keeps a key selectable with a double click; a UUID takes 26 characters.
var tenantEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func encodeTenant(id uuid.UUID) string { return tenantEncoding.EncodeToString(id[:]) }

func decodeTenant(s string) (uuid.UUID, bool) {
	raw, err := tenantEncoding.DecodeString(s)
	if err != nil || len(raw) != 16 || tenantEncoding.EncodeToString(raw) != s {
		return uuid.Nil, false
	}
	return uuid.UUID(raw), true
}
