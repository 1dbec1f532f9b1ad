package meta

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// dear returns bodies of that many times 128 KiB that are dear to read for what they hold.
func dear(times int) map[string]string {
	size := times * 128 << 10
	again := func(n int, element string) string { return joined(n, func(int) string { return element }) }
	messages := func(n int, kind, inside string) string {
		return `"messages":[` + joined(n, func(i int) string {
			return fmt.Sprintf(`{"from":"15550100301","id":"m%d","timestamp":"1","type":"%s",%s}`, i, kind, inside)
		}) + `]`
	}
	failed := func(i int) string {
		return fmt.Sprintf(`{"id":"s%d","status":"failed","timestamp":"1","errors":[%s]}`, i, again(9_900, "{}"))
	}
	bodies := map[string]string{
		"texts":              messages(280*times, "text", `"text":{"body":"`+strings.Repeat("x", 350)+`"}`),
		"one text":           messages(1, "text", `"text":{"body":"`+strings.Repeat("x", size-1000)+`"}`),
		"escapes":            messages(1, "text", `"text":{"body":"`+strings.Repeat(`\u0041`, size/6-1000)+`"}`),
		"names":              messages(7*times, "text", `"text":{"body":"x"},`+joined(1_900, func(i int) string { return fmt.Sprintf(`"n%d":0`, i) })),
		"errors of receipts": `"statuses":[` + joined(9*times/2, failed) + `]`,
		"errors":             messages(9*times/2, "unsupported", `"errors":[`+again(9_900, "{}")+`]`),
		"cards":              messages(9*times/2, "contacts", `"contacts":[`+again(9_900, "{}")+`]`),
		"cards with phones":  messages(5*times/2, "contacts", `"contacts":[`+again(3_300, `{"phones":[{}]}`)+`]`),
		"phones":             messages(9*times/2, "contacts", `"contacts":[{"phones":[`+again(9_900, "{}")+`]}]`),
		"basket":             messages(9*times/2, "order", `"order":{"product_items":[`+again(9_900, "{}")+`]}`),
	}
	for name, value := range bodies {
		bodies[name] = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"7"},` +
			value + `}}]}]}`
	}
	return bodies
}

// Reading a body costs little more memory than its bytes, whatever they are: {} is three of them, and was hundreds in a list that nobody shows.
func TestReadingCostsLittleMoreThanTheBody(t *testing.T) {
	p := provider(t)
	for name, body := range dear(4) {
		t.Run(name, func(t *testing.T) {
			endpoint, request := signed(t, []byte(body))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			items, err := p.Receive(t.Context(), endpoint, request)
			runtime.ReadMemStats(&after)
			if err != nil || len(items) == 0 || items[0].Reason != "" {
				t.Fatalf("%d items, %v", len(items), err)
			}
			if factor := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(body)); factor > 25 {
				t.Errorf("%d bytes cost %.0f times their size", len(body), factor)
			}
		})
	}
}

// BenchmarkLargest reads such bodies of the largest size.
func BenchmarkLargest(b *testing.B) {
	p := provider(b)
	for name, body := range dear(32) {
		b.Run(name, func(b *testing.B) {
			endpoint, request := signed(b, []byte(body))
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
