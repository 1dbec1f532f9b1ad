//go:build !linux

package embedded

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"
)

// identity exists so that the product builds on other systems, where it needs servers of its own.
type identity struct{}

func (identity) attributes(syscall.Signal) *syscall.SysProcAttr { return nil }

func (identity) own(string) error { return nil }

// chooseIdentity returns an error: nothing but Linux ends a child whose parent was killed.
func chooseIdentity(string) (identity, error) {
	return identity{}, errors.New("private servers need Linux: set DATABASE_URL and REDIS_URL")
}

func acquire(context.Context, string, *slog.Logger) (*os.File, error) {
	return nil, errors.New("private servers need Linux")
}

// Abandoned returns false: there is never a private server to abandon anything.
func Abandoned(string) bool { return false }
