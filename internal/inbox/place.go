package inbox

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// A place in a list is opaque to clients: the mark of the list, then the sort key of the item. The mark makes a place of another list,
// filter or tenant a refused one instead of a silently wrong page. It guards against mistakes; what may be seen is decided in SQL.
const markLength = 6

// listMark marks the places of one list.
type listMark [markLength]byte

func newMark(list string, tenant TenantID, of any) listMark {
	text, err := json.Marshal([]any{list, tenant.String(), of})
	if err != nil {
		text = []byte(list) // cannot be: the lists are marked with plain structs
	}
	sum := sha256.Sum256(text)
	return listMark(sum[:markLength])
}

func (m listMark) encode(key []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(m[:], key...))
}

// decode returns the sort key of a place of this list, or Invalid.
func (m listMark) decode(field, place string, length int) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(place)
	spelled := base64.RawURLEncoding.EncodedLen(markLength + length) // the decoder skips line breaks
	if err != nil || len(place) != spelled || len(raw) != markLength+length || listMark(raw[:markLength]) != m {
		return nil, fault.BadField(field, "this is no cursor of this list; start without one, or send one that this list returned")
	}
	return raw[markLength:], nil
}

// conversationMark marks the places of one list of conversations.
type conversationMark struct{ listMark }

func conversationList(tenant TenantID, filter ConversationFilter) conversationMark {
	return conversationMark{newMark("conversations", tenant, filter)}
}

func (m conversationMark) place(p ListPlace) string {
	key := binary.BigEndian.AppendUint64(nil, uint64(p.LastMessageAt.UnixMicro()))
	return m.encode(append(key, p.ID[:]...))
}

func (m conversationMark) parse(place string) (ListPlace, error) {
	key, err := m.decode("after", place, 8+16)
	if err != nil {
		return ListPlace{}, err
	}
	micros := int64(binary.BigEndian.Uint64(key))
	return ListPlace{LastMessageAt: time.UnixMicro(micros).UTC(), ID: uuid.UUID(key[8:])}, nil
}

// messageMark marks the places of one conversation's messages.
type messageMark struct{ listMark }

func messageList(tenant TenantID, conversation uuid.UUID) messageMark {
	return messageMark{newMark("messages", tenant, conversation)}
}

func (m messageMark) place(seq int64) string {
	return m.encode(binary.BigEndian.AppendUint64(nil, uint64(seq)))
}

func (m messageMark) parse(field, place string) (int64, error) {
	key, err := m.decode(field, place, 8)
	if err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(key)), nil
}
