package inbox

import (
	"crypto/sha256"
	"errors"
	"image"
	_ "image/gif" // DecodeConfig reads these
	_ "image/jpeg"
	_ "image/png"
	"io"
	"os"
	"strings"

	"github.com/gabriel-vasile/mimetype"
	_ "golang.org/x/image/webp"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// maxPixels is the largest picture that is kept: a small file may unfold into gigabytes in whoever shows it.
const maxPixels = 40_000_000

// spooled is a file on its way from the provider to the store, in a temporary file so that it never stands in memory as a whole.
type spooled struct {
	file     *os.File
	size     int64
	sum      []byte
	mimeType string
}

// spool reads at most the given number of bytes. More than that never passes, a broken connection may.
func spool(body io.Reader, most int64) (*spooled, *channel.SendError) {
	file, err := os.CreateTemp("", "switchboard-media-*")
	if err != nil {
		return nil, noDisk(err)
	}
	s := &spooled{file: file}
	sum := sha256.New()
	s.size, err = io.Copy(io.MultiWriter(file, sum), io.LimitReader(body, most+1))
	switch {
	case errors.Is(err, channel.ErrTooLarge) || s.size > most:
		s.remove()
		return nil, &channel.SendError{Class: channel.Permanent, Code: "too_large", Reason: "the file is larger than 25 MB"}
	case err != nil:
		s.remove()
		return nil, &channel.SendError{Class: channel.Transient, Code: "cut", Reason: "the connection broke while the file was fetched", Err: err}
	case s.size == 0:
		s.remove()
		return nil, &channel.SendError{Class: channel.Transient, Code: "empty", Reason: "the provider sent an empty file"}
	}
	s.sum = sum.Sum(nil)
	return s, nil
}

// inspect finds out what the file is from its bytes, and refuses a picture that would unfold too far. A picture whose head cannot be read
// is kept as bytes of no kind, which nothing shows.
func (s *spooled) inspect() *channel.SendError {
	content, failure := s.rewound()
	if failure != nil {
		return failure
	}
	found, err := mimetype.DetectReader(content)
	if err != nil {
		return noDisk(err)
	}
	s.mimeType, _, _ = strings.Cut(found.String(), ";")
	switch s.mimeType {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
	default:
		return nil
	}
	if content, failure = s.rewound(); failure != nil {
		return failure
	}
	config, _, err := image.DecodeConfig(content)
	if err != nil {
		s.mimeType = "application/octet-stream"
		return nil
	}
	if int64(config.Width)*int64(config.Height) > maxPixels {
		return &channel.SendError{Class: channel.Permanent, Code: "too_many_pixels", Reason: "the picture has more than 40 million pixels"}
	}
	return nil
}

// rewound returns the content from its beginning.
func (s *spooled) rewound() (io.Reader, *channel.SendError) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, noDisk(err)
	}
	return s.file, nil
}

// remove deletes the temporary file.
func (s *spooled) remove() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}

func noDisk(err error) *channel.SendError {
	return &channel.SendError{Class: channel.Transient, Code: "disk", Reason: "there is no room for the file now", Err: err}
}
