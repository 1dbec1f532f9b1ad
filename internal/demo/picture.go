package demo

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
)

// picture returns a small drawing of a box in two tones, with a crack across it: something to look at that belongs to nobody.
func picture(dark, light uint32) []byte {
	const width, height = 480, 360
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := blend(0xf4efe6, 0xd9d2c5, y*255/height)
			switch {
			case x > 90 && x < 390 && y > 150 && y < 310:
				c = blend(light, dark, (x-90)*160/300)
			case y > 105 && y <= 150 && x > 90-(150-y)/2 && x < 390+(150-y)/2:
				c = blend(dark, 0x000000, 40)
			}
			if d := x - 210 - (y-105)/3 - (y%24)/3; y > 105 && y < 270 && d >= 0 && d < 4 {
				c = rgb(0x2b2320)
			}
			img.SetRGBA(x, y, c)
		}
	}
	var out bytes.Buffer
	_ = png.Encode(&out, img) // a buffer takes everything
	return out.Bytes()
}

func rgb(v uint32) color.RGBA {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 255}
}

// blend mixes part/255 of b into a.
func blend(a, b uint32, part int) color.RGBA {
	x, y := rgb(a), rgb(b)
	mix := func(p, q uint8) uint8 { return uint8((int(p)*(255-part) + int(q)*part) / 255) }
	return color.RGBA{R: mix(x.R, y.R), G: mix(x.G, y.G), B: mix(x.B, y.B), A: 255}
}
