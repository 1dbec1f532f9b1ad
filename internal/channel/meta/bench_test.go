package meta

import (
	"os"
	"testing"
)

// BenchmarkReceive reads one webhook with one message, the usual case, from verifying to the item.
func BenchmarkReceive(b *testing.B) {
	for _, name := range []string{"one_text", "quarantine"} {
		b.Run(name, func(b *testing.B) {
			body, err := os.ReadFile("testdata/webhooks/" + name + ".json")
			if err != nil {
				b.Fatal(err)
			}
			endpoint, request := signed(b, body)
			p := provider(b)
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := p.Receive(b.Context(), endpoint, request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
