package wire

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// H9, H11, R44: a request whose client does not read its answer is given up, and so is one that reads it a little at a time without end; one that
// reads gets all of it.
func TestAnswersToReadersThatStopAreGivenUp(t *testing.T) {
	t.Parallel()
	const size = 64 << 20 // more than the system keeps
	whole := time.Hour
	for name, c := range map[string]struct {
		each, all time.Duration
		read      func(io.Reader) int64
		given     bool
	}{
		"stops": {100 * time.Millisecond, whole, func(io.Reader) int64 { return 0 }, true},
		"drips": {whole, 100 * time.Millisecond, func(r io.Reader) int64 { n, _ := io.CopyN(io.Discard, r, 100); return n }, true},
		"reads": {whole, whole, func(r io.Reader) int64 { n, _ := io.Copy(io.Discard, r); return n }, false},
	} {
		config := &Config{Limits: Limits{WriteTimeout: c.each, AnswerTimeout: c.all}}
		sent := make(chan error, 1)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { sent <- config.send(w, make([]byte, size)) }))
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		got := c.read(conn)
		if err := <-sent; (err != nil) != c.given {
			t.Errorf("who %s: %v", name, err)
		}
		if !c.given && got < size {
			t.Errorf("who %s got %d bytes", name, got)
		}
		_ = conn.Close()
		server.Close()
	}
}

// A client is told that a mutation was carried out only when it was.
func TestWhatWasCarriedOutIsToldTruly(t *testing.T) {
	t.Parallel()
	mutation := &graphql.OperationContext{Operation: &ast.OperationDefinition{Operation: ast.Mutation}}
	for _, succeeded := range []bool{true, false} {
		if got := tooLarge(mutation, succeeded).Error(); strings.Contains(got, "was carried out") != succeeded {
			t.Errorf("succeeded %v: %q", succeeded, got)
		}
	}
}
