package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	listEvents = `subscription { conversationEvents { __typename ... on ConversationEvent { cursor kind at membership messageId
		before { status assigneeId } after { status assigneeId }
		conversation { id status version lastSeq lastMessageAt preview contact { id name } assignee { id name } } } ... on Resync { reason } } }`
	subprotocol = "graphql-transport-ws"
)

// crowd is many sockets whose frames are counted. Each is read by a goroutine that looks at the head of a frame and skips the rest.
type crowd struct {
	conns  []*websocket.Conn
	frames atomic.Int64
	bytes  atomic.Int64
	ended  atomic.Int64
	onText func(text []byte) // when set before the crowd gathers, frames are read as a whole
	last   atomic.Int64      // when the newest frame came, in nanoseconds
	series atomic.Pointer[series]
}

// series is a number of changes that each reach every socket of a crowd, in the same order.
type series struct {
	had  []int // frames of each socket; only its reader writes it
	last []atomic.Int64
	left atomic.Int64 // frames that are still to come
}

// follow begins a series.
func (c *crowd) follow(changes int) *series {
	s := &series{had: make([]int, len(c.conns)), last: make([]atomic.Int64, changes)}
	s.left.Store(int64(changes * len(c.conns)))
	c.series.Store(s)
	return s
}

func (s *series) note(socket int, now int64) {
	if n := s.had[socket]; n < len(s.last) {
		s.had[socket]++
		s.last[n].Store(now) // of two sockets at the same moment either is the last
		s.left.Add(-1)
	}
}

// gather opens n sockets at a time of eight; open makes one of them.
func (c *crowd) gather(n int, open func(i int) (*websocket.Conn, error)) error {
	var group sync.WaitGroup
	var mu sync.Mutex
	var problem error
	next := atomic.Int64{}
	for range 8 {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				conn, err := open(i)
				mu.Lock()
				if err != nil {
					problem = err
					mu.Unlock()
					return
				}
				c.conns = append(c.conns, conn)
				mu.Unlock()
				go c.read(conn, i)
			}
		})
	}
	group.Wait()
	if problem != nil {
		c.leave()
	}
	return problem
}

func (c *crowd) read(conn *websocket.Conn, socket int) {
	defer c.ended.Add(1)
	in := bufio.NewReaderSize(conn.NetConn(), 2048)
	for {
		size, control, err := header(in)
		if err != nil {
			return
		}
		switch {
		case control == 9: // answer the server's ping, so that it keeps the socket
			if _, err = in.Discard(size); err == nil {
				_ = conn.WriteControl(websocket.PongMessage, nil, time.Now().Add(time.Second))
			}
			continue
		case control != 0 || c.onText == nil:
			_, err = in.Discard(size)
		default:
			text := make([]byte, size)
			if _, err = io.ReadFull(in, text); err == nil {
				c.onText(text)
			}
		}
		if err != nil {
			return
		}
		c.bytes.Add(int64(size))
		now := time.Now().UnixNano()
		c.last.Store(now)
		if s := c.series.Load(); s != nil {
			s.note(socket, now)
		}
		c.frames.Add(1)
	}
}

// header reads the head of a server's frame; control is its opcode when it is no data.
func header(in *bufio.Reader) (size int, control byte, err error) {
	head := make([]byte, 10)
	if _, err = io.ReadFull(in, head[:2]); err != nil {
		return 0, 0, err
	}
	if op := head[0] & 0x0f; op > 2 {
		control = op
	}
	switch size = int(head[1] & 0x7f); size {
	case 126:
		_, err = io.ReadFull(in, head[:2])
		size = int(binary.BigEndian.Uint16(head))
	case 127:
		_, err = io.ReadFull(in, head[:8])
		size = int(binary.BigEndian.Uint64(head))
	}
	return size, control, err
}

// await waits until so many frames have come.
func (c *crowd) await(ctx context.Context, frames int64, patience time.Duration) error {
	end := time.Now().Add(patience)
	for c.frames.Load() < frames {
		if ctx.Err() != nil || time.Now().After(end) {
			return fmt.Errorf("%d of %d frames came; %d of %d sockets are closed", c.frames.Load(), frames, c.ended.Load(), len(c.conns))
		}
		time.Sleep(200 * time.Microsecond)
	}
	return nil
}

func (c *crowd) leave() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	for end := time.Now().Add(5 * time.Second); c.ended.Load() < int64(len(c.conns)) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// subscribe opens a socket of ours with one subscription.
func subscribe(url, token, document string) (*websocket.Conn, error) {
	dialer := websocket.Dialer{Subprotocols: []string{subprotocol}, HandshakeTimeout: 20 * time.Second, ReadBufferSize: 1024, WriteBufferSize: 1024}
	conn, answer, err := dialer.Dial("ws"+strings.TrimPrefix(url, "http")+"/graphql", http.Header{"Origin": {url}})
	if err != nil {
		return nil, err
	}
	_ = answer.Body.Close()
	init := fmt.Sprintf(`{"type":"connection_init","payload":{"authorization":"Bearer %s"}}`, token)
	if err := conn.WriteMessage(websocket.TextMessage, []byte(init)); err != nil {
		return nil, err
	}
	_, ack, err := conn.ReadMessage()
	if err != nil || !strings.Contains(string(ack), "connection_ack") {
		return nil, errors.Join(fmt.Errorf("no ack: %s", ack), err)
	}
	body := fmt.Sprintf(`{"id":"1","type":"subscribe","payload":{"query":%q}}`, strings.Join(strings.Fields(document), " "))
	return conn, conn.WriteMessage(websocket.TextMessage, []byte(body))
}

// room opens a socket of the raw broadcast.
func room(url, name string) (*websocket.Conn, error) {
	dialer := websocket.Dialer{HandshakeTimeout: 20 * time.Second, ReadBufferSize: 1024, WriteBufferSize: 1024}
	conn, answer, err := dialer.Dial("ws"+strings.TrimPrefix(url, "http")+"/socket?room="+name, http.Header{})
	if err == nil {
		_ = answer.Body.Close()
	}
	return conn, err
}

// listeners are n subscriptions of the audience's list, at most 20 an agent.
func (b *bench) listeners(to *process, n int) (*crowd, error) {
	c, tokens := &crowd{}, make([]string, (n+19)/20)
	for i := range tokens {
		tokens[i] = b.token(audienceTenant, i+1)
	}
	return c, c.gather(n, func(i int) (*websocket.Conn, error) { return subscribe(to.url, tokens[i/20], listEvents) })
}

// listenersOfRoom are n sockets of the raw broadcast.
func (b *bench) listenersOfRoom(name string, n int) (*crowd, error) {
	c := &crowd{}
	return c, c.gather(n, func(int) (*websocket.Conn, error) { return room(b.standins.url, name) })
}

// audience are listeners that a change has reached.
func (b *bench) audience(ctx context.Context, to *process, n int) (*crowd, error) {
	c, err := b.listeners(to, n)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && ctx.Err() == nil; { // subscriptions begin shortly after they are sent
		before := c.frames.Load()
		if err := b.change(ctx); err != nil {
			return nil, err
		}
		if c.await(ctx, before+int64(n), 2*time.Second) == nil {
			return c, nil
		}
	}
	c.leave()
	return nil, errors.New("not every subscription has begun")
}
