package fault_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// strike panics with the value, in a function whose name is to be found.
func strike(cause any) (p *fault.Panic) {
	defer func() { p = fault.Panicked(recover()) }()
	panic(cause)
}

func outOfRange() (p *fault.Panic) {
	defer func() { p = fault.Panicked(recover()) }()
	empty := make([]int, 0)
	return strike(empty[len(empty)+2])
}

// R60: whoever panics with a text of somebody else's does not tell it to the log, and the place is told all the same.
func TestPanicTellsNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "EAAG-canary"
	type holder struct{ Token string }
	for kind, cause := range map[string]any{
		"string": secret, "*errors.errorString": errors.New(secret), "*fmt.wrapError": fmt.Errorf("send: %w", errors.New(secret)),
		"fault_test.holder": holder{secret}, "*fault_test.holder": &holder{secret}, "[]uint8": []byte(secret), "*fault.Error": fault.New(fault.Internal, secret),
	} {
		p := strike(cause)
		told := p.Error() + logged(p)
		if strings.Contains(told, secret) || strings.Contains(told, fmt.Sprint([]byte(secret))) {
			t.Errorf("a panic of %s tells the secret: %s", kind, told)
		}
		if p.Kind != kind || p.Text != "" || strings.Count(told, "panic_test.go") < 2 || strings.Count(told, "fault_test.strike") < 2 {
			t.Errorf("a panic of %s is told as one of %q, %q: %s", kind, p.Kind, p.Text, told)
		}
	}
}

func TestPanicOfTheRuntimeIsTold(t *testing.T) {
	t.Parallel()
	p := outOfRange()
	const want = "index out of range [2] with length 0"
	if !strings.Contains(p.Error(), want) || !strings.Contains(logged(p), want) || !strings.Contains(p.Stack, "fault_test.outOfRange") {
		t.Errorf("got %+v", p)
	}
}

func logged(p *fault.Panic) string {
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Error("panicked", p.Attributes()...)
	return log.String()
}
