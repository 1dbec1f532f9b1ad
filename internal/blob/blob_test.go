package blob_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/blob"
	"github.com/switchboard-inbox/switchboard/internal/fault"
)

func TestBucketKeepsFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "there yet")
	for _, address := range []string{"file://" + dir, "mem://"} {
		ctx := context.Background()
		b, err := blob.Open(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Put(ctx, "KEY", strings.NewReader("0123456789")); err != nil {
			t.Fatal(err)
		}
		r, err := b.Open(ctx, "KEY")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Seek(4, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(r); err != nil || string(rest) != "456789" {
			t.Errorf("%s: %q, %v", address, rest, err)
		}
		_ = r.Close()
		for range 2 {
			if err := b.Delete(ctx, "KEY"); err != nil {
				t.Errorf("%s: delete: %v", address, err)
			}
		}
		if _, err := b.Open(ctx, "KEY"); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: a file that is not there: %v", address, err)
		}
		if err := b.Put(ctx, "CUT", io.MultiReader(strings.NewReader("half"), broken{})); err == nil {
			t.Errorf("%s: half a file was kept", address)
		}
		if _, err := b.Open(ctx, "CUT"); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: half a file: %v", address, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%d files left: %v", len(left), err)
	}
}

func TestUnknownStoreIsRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"ftp://somewhere", "://", "nothing"} {
		if b, err := blob.Open(context.Background(), address); err == nil {
			t.Errorf("%s was opened: %v", address, b)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cut") }
