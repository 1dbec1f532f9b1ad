//go:build unix

package wire

import (
	"errors"
	"syscall"
)

// attempt writes to a descriptor that does not block. A failure is left to whoever writes what is left.
func (t *try) attempt(fd uintptr) bool {
	for t.written < len(t.text) {
		n, err := syscall.Write(int(fd), t.text[t.written:]) //nolint:gosec // a descriptor
		if n > 0 {
			t.written += n
		}
		if err != nil && !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	return true
}
