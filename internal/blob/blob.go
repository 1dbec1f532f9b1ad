// Package blob keeps files under random keys: in a directory, or in a bucket that a URL names. What a file is called, who may see it and
// whether it is safe to show stands in Postgres; here are only bytes.
//
// Imports: fault, gocloud.dev/blob.
package blob

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/memblob" // mem://
	_ "gocloud.dev/blob/s3blob"  // s3://bucket?region=…, also for stores that speak its protocol
	"gocloud.dev/gcerrors"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// Bucket is one place for files. It implements inbox.Blobs and is safe for concurrent use.
type Bucket struct {
	bucket *blob.Bucket
}

// Open opens the bucket at a URL: file:///var/lib/switchboard/files (made when it is not there), s3://bucket?region=…, or mem:// for
// tests. It fails when the URL names no store that this binary knows. The caller closes the Bucket.
func Open(ctx context.Context, address string) (*Bucket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("the address of the file store cannot be read: %w", err)
	}
	if u.Scheme == "file" {
		return openDirectory(u)
	}
	bucket, err := blob.OpenBucket(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("open file store %s://%s: %w", u.Scheme, u.Host, err)
	}
	return &Bucket{bucket: bucket}, nil
}

func openDirectory(u *url.URL) (*Bucket, error) {
	dir := filepath.FromSlash(u.Path)
	if u.Host == "." || u.Host == "" && u.Opaque != "" {
		dir = strings.TrimPrefix(filepath.Join(u.Opaque, dir), "/") // file:some/where and file://./some/where
	}
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{
		CreateDir: true, DirFileMode: 0o700, NoTempDir: true, Metadata: fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, fmt.Errorf("open the directory for files: %w", err)
	}
	return &Bucket{bucket: bucket}, nil
}

// Put stores the content under the key, whole or not at all.
func (b *Bucket) Put(ctx context.Context, key string, content io.Reader) error {
	// Closing a writer keeps what it was given, so a write that broke is ended by its context; Upload would keep half a file.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.bucket.NewWriter(ctx, key, &blob.WriterOptions{ContentType: "application/octet-stream"})
	if err != nil {
		return mapError(err)
	}
	if _, err := io.Copy(w, content); err != nil {
		cancel()
		_ = w.Close()
		return fault.Wrap(fault.Unavailable, err, "the file could not be stored; try again")
	}
	return mapError(w.Close())
}

// Open returns the content under the key, or a NotFound error. The caller closes it.
func (b *Bucket) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	r, err := b.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, mapError(err)
	}
	return r, nil
}

// Delete removes what is under the key; nothing being there is fine.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	err := b.bucket.Delete(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return mapError(err)
}

// Close ends the use of the bucket.
func (b *Bucket) Close() error { return b.bucket.Close() }

func mapError(err error) error {
	if err == nil {
		return nil
	}
	if gcerrors.Code(err) == gcerrors.NotFound {
		return fault.Wrap(fault.NotFound, err, "there is no such file")
	}
	return fault.Wrap(fault.Unavailable, err, "the file store cannot be reached; try again")
}
