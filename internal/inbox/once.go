package inbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
)

const maxKeyLength = 255

// Call is one request for a change: the operation, what the client asked, and the key by which it asks again.
type Call struct {
	Operation string // the mutation's name
	Key       string // the client's idempotencyKey; empty: none
	Input     any    // what was asked, without the key; compared by its JSON
	Along     Along  // what the answer needs besides
}

// KeptCall is a stored idempotency key: what was asked under it first, and the result as JSON.
type KeptCall struct {
	Operation   string
	RequestHash []byte
	Result      []byte
}

// IdempotencyRows are the idempotency keys of one tenant. A key belongs to its actor.
type IdempotencyRows interface {
	// TakeKey makes the key the caller's and returns nil. When it was taken within the last 24 hours, it returns what is kept
	// under it instead; it waits for a transaction that is taking the same key.
	TakeKey(ctx context.Context, actor uuid.UUID, key, operation string, requestHash []byte) (*KeptCall, error)
	// KeepResult stores the result of the call under a key that this transaction has taken.
	KeepResult(ctx context.Context, actor uuid.UUID, key string, result []byte) error
	// PurgeKeys removes at most the given number of keys that are older than 24 hours and returns how many it removed.
	PurgeKeys(ctx context.Context, most int) (int64, error)
}

// Once runs fn at most once for the call's key and returns its result; the same call again, also while the first still runs or after a
// crash, returns the first result without running fn. T is a small struct of ids, so that every answer is resolved afresh.
//
// It returns IdempotencyKeyReuse when the key was used for another operation or input, Invalid for a key that is not 1 to 255
// characters, and fn's error unchanged; the caller then returns that error too, which rolls the key back: failures are not
// kept. It is the first thing in a transaction, because keys come first in the lock order.
func Once[T any](ctx context.Context, tx Tx, actor Actor, call Call, fn func() (T, error)) (T, error) {
	var result T
	if err := faultpoint.Point("mut.begin"); err != nil {
		return result, err
	}
	if call.Key == "" {
		return fn()
	}
	if err := CheckKey(call.Key); err != nil {
		return result, err
	}
	hash, err := requestHash(call)
	if err != nil {
		return result, err
	}
	kept, err := tx.TakeKey(ctx, actor.ID(), call.Key, call.Operation, hash)
	if err != nil {
		return result, err
	}
	if kept != nil {
		return recall[T](kept, call, hash)
	}
	if result, err = fn(); err != nil {
		return result, err
	}
	if err := faultpoint.Point("mut.commit"); err != nil {
		return result, err
	}
	encoded, err := json.Marshal(result)
	if err != nil {
		return result, err
	}
	return result, tx.KeepResult(ctx, actor.ID(), call.Key, encoded)
}

// CheckKey returns Invalid for an idempotency key that is not 1 to 255 characters.
func CheckKey(key string) error {
	if key == "" || !utf8.ValidString(key) || utf8.RuneCountInString(key) > maxKeyLength || strings.ContainsRune(key, 0) {
		return fault.BadField("idempotencyKey", "an idempotency key is 1 to %d characters without NUL", maxKeyLength)
	}
	return nil
}

func recall[T any](kept *KeptCall, call Call, hash []byte) (T, error) {
	var result T
	if kept.Operation != call.Operation || !bytes.Equal(kept.RequestHash, hash) {
		return result, &fault.Error{
			Code: fault.IdempotencyKeyReuse, Field: "idempotencyKey",
			Message: "this idempotency key was used for another request; use a new key for a new request",
		}
	}
	return result, json.Unmarshal(kept.Result, &result)
}

func requestHash(call Call) ([]byte, error) {
	input, err := json.Marshal(call.Input)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(input)
	return sum[:], nil
}
