package inbox

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"mime"
	"testing"
)

// FuzzInspect looks for a file that panics, whose kind is no media type, or that is kept as a picture of more pixels than anybody should unfold.
func FuzzInspect(f *testing.F) {
	var small, pages bytes.Buffer
	picture := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black, color.White})
	if png.Encode(&small, image.NewGray(image.Rect(0, 0, 2, 2))) != nil || gif.Encode(&pages, picture, nil) != nil {
		f.Fatal("no seed")
	}
	f.Add(small.Bytes())
	f.Add(pages.Bytes())
	f.Add([]byte("\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("<svg xmlns='http://www.w3.org/2000/svg'/>"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) == 0 {
			return
		}
		file, failure := spool(bytes.NewReader(content), 1<<20)
		if failure != nil {
			t.Fatal(failure)
		}
		defer file.remove()
		failure = file.inspect()
		if kind, _, err := mime.ParseMediaType(file.mimeType); err != nil || kind != file.mimeType {
			t.Fatalf("%q is of the kind %q", content, file.mimeType)
		}
		config, _, err := image.DecodeConfig(bytes.NewReader(content))
		if large := err == nil && int64(config.Width)*int64(config.Height) > maxPixels; large && failure == nil && file.mimeType[:6] == "image/" {
			t.Fatalf("%q is kept with %d x %d pixels", content, config.Width, config.Height)
		}
	})
}
