package standin

import (
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

// broadcast is gorilla's chat example brought to its limit: a frame is prepared once and handed to every socket of the room, and each
// socket has a goroutine that writes.
type broadcast struct {
	mu    sync.RWMutex
	rooms map[string][]chan *websocket.PreparedMessage
}

func newBroadcast() *broadcast {
	return &broadcast{rooms: map[string][]chan *websocket.PreparedMessage{}}
}

// join opens a socket of the room in the query.
func (b *broadcast) join(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{ReadBufferSize: 512, WriteBufferPool: &sync.Pool{}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	frames := make(chan *websocket.PreparedMessage, 1024)
	room := r.URL.Query().Get("room")
	b.mu.Lock()
	b.rooms[room] = append(b.rooms[room], frames)
	b.mu.Unlock()
	go func() {
		for frame := range frames {
			if conn.WritePreparedMessage(frame) != nil {
				break
			}
		}
		_ = conn.Close()
	}()
	for {
		if _, _, err := conn.NextReader(); err != nil {
			b.leave(room, frames)
			return
		}
	}
}

func (b *broadcast) leave(room string, frames chan *websocket.PreparedMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, f := range b.rooms[room] {
		if f == frames {
			last := len(b.rooms[room]) - 1
			b.rooms[room][i] = b.rooms[room][last]
			b.rooms[room] = b.rooms[room][:last]
			close(frames)
			return
		}
	}
}

// publish hands the text to every socket of the room.
func (b *broadcast) publish(room string, text []byte) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if len(b.rooms[room]) == 0 {
		return
	}
	frame, err := websocket.NewPreparedMessage(websocket.TextMessage, text)
	if err != nil {
		return
	}
	for _, frames := range b.rooms[room] {
		select {
		case frames <- frame:
		default: // a reader that is 1,024 frames behind loses one
		}
	}
}

// serve publishes a text of so many bytes so many times.
func (b *broadcast) serve(_ http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	times, _ := strconv.Atoi(q.Get("times"))
	size, _ := strconv.Atoi(q.Get("size"))
	for range times {
		b.publish(q.Get("room"), []byte(strings.Repeat("x", size)))
	}
}
