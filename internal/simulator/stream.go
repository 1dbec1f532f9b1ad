package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// update is one change, as the page hears of it.
type update struct {
	Type string `json:"type"` // message, call, customer, account, settings, faults, outbox
	Data any    `json:"data"`
}

// tell passes an update to every listener; one that does not keep up is cut off, and its page loads the state anew. The caller
// holds the lock.
func (st *store) tell(u update) {
	for listener := range st.listeners {
		select {
		case listener <- u:
		default:
			delete(st.listeners, listener)
			close(listener)
		}
	}
}

// publish passes on an update that is no part of the kept state.
func (st *store) publish(u update) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.tell(u)
}

func (st *store) publishOutbox(o outboxState) { st.publish(update{Type: "outbox", Data: o}) }

func (st *store) listen() chan update {
	st.mu.Lock()
	defer st.mu.Unlock()
	c := make(chan update, 256)
	st.listeners[c] = true
	return c
}

func (st *store) unlisten(c chan update) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.listeners[c] {
		delete(st.listeners, c)
		close(c)
	}
}

// apiStream sends updates as server-sent events until the page leaves.
func (s *Simulator) apiStream(w http.ResponseWriter, r *http.Request) {
	updates := s.store.listen()
	defer s.store.unlisten(updates)
	flush := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprint(w, ": hello\n\n")
	_ = flush.Flush()
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		case <-alive.C:
			_, _ = fmt.Fprint(w, ": still here\n\n")
		case u, open := <-updates:
			if !open {
				return
			}
			line, err := json.Marshal(u)
			if err != nil {
				continue
			}
			_, _ = fmt.Fprintf(w, "data: %s\n\n", line)
		}
		if flush.Flush() != nil {
			return
		}
	}
}

// keepAlive is how often a silent stream says that it is there.
const keepAlive = 15 * time.Second
