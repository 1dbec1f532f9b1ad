package channel_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// What two parsers could read in two ways is refused: names given twice or in another case, nesting, what is no JSON. (H27)
func TestCheckJSON(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, good := range []string{`{}`, `[]`, `7`, `null`, `"x"`, nested(32), `{"a":{"a":1},"b":[{"a":1},{"a":2}]}`, ` {"a":1} `, `1e999999`, manyNames(40, `"m":0`), "[" + strings.Repeat("7,", 9_998) + "7]"} {
		if err := check([]byte(good)); err != nil {
			t.Errorf("%s is refused: %v", good, err)
		}
	}
	for _, bad := range []string{``, ` `, `{`, `{"a":}`, `{} {}`, `[1,]`, `nul`, nested(33), strings.Repeat("[", 100_000),
		`{"a":1,"a":2}`, `{"a":1,"A":2}`, `{"x":{"Key":1,"kEY":2}}`, `[[{"a":1,"\u0061":2}]]`, "{\"k\":1,\"\u212a\":2}", "{\"s\":1,\"\u017f\":2}",
		manyNames(40, `"N3":0`), manyNames(40, `"n39":0`), manyNames(12, `"n11":0`), "{\"a\":\"\x00\"}", `{"a" 1}`, `{1:2}`, "[" + strings.Repeat("7,", 9_999) + "7]",
		"[" + strings.Repeat("[7,7,7],", 2_600) + "7]"} {
		if err := check([]byte(bad)); !errors.Is(err, channel.ErrMalformed) {
			t.Errorf("%.60s: err = %v, want ErrMalformed", bad, err)
		}
	}
}

// check reads and checks.
func check(data []byte) error {
	value, err := channel.ReadJSON(data)
	if err != nil {
		return err
	}
	return value.Check()
}

// manyNames returns an object with the names n0, n1, … and one more member.
func manyNames(n int, last string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"n%d":0,`, i)
	}
	return "{" + b.String() + last + "}"
}

func TestCleanJSON(t *testing.T) {
	for in, want := range map[string]string{
		`"plain"`:              `"plain"`,
		`"a\u0000b"`:           `"a\ufffdb"`,
		`"a\\u0000b"`:          `"a\\u0000b"`,
		`"a\\\u0000b"`:         `"a\\\ufffdb"`,
		`"\ud83d\ude00"`:       `"\ud83d\ude00"`,
		`"\ud83d"`:             `"\ufffd"`,
		`"\ude00"`:             `"\ufffd"`,
		`"\ud83d\ud83d\ude00"`: `"\ufffd\ud83d\ude00"`,
		`"\ud83dx\ude00"`:      `"\ufffdx\ufffd"`,
		`"\ud83d\u0000"`:       `"\ufffd\ufffd"`,
		`"\u00e4\/\n"`:         `"\u00e4\/\n"`,
		`"\u12`:                `"\u12`,
		`\`:                    `\`,
		"\"\xff\"":             "\"\uFFFD\"",
		"\"\\u00e4\xc3\"":      "\"\\u00e4\uFFFD\"",
	} {
		if got := string(channel.JSON(in).Clean()); got != want {
			t.Errorf("Clean of %q = %q, want %q", in, got, want)
		}
	}
}

func TestDecodeJSON(t *testing.T) {
	var v struct {
		Text string          `json:"text"`
		Any  any             `json:"any"`
		Raw  json.RawMessage `json:"raw"`
	}
	if err := channel.DecodeJSON([]byte(`{"text":"a\u0000\ud800","any":12345678901234567890,"raw":{"x":"\u0000"},"more":1}`), &v); err != nil {
		t.Fatal(err)
	}
	if v.Text != "a\uFFFD\uFFFD" || v.Any != json.Number("12345678901234567890") || string(v.Raw) != `{"x":"\ufffd"}` {
		t.Errorf("decoded %+v", v)
	}
	err := channel.DecodeJSON([]byte(`{"text":5}`), &v)
	if !errors.Is(err, channel.ErrMalformed) || !strings.Contains(err.Error(), "text has the wrong type") {
		t.Errorf("err = %v, want the field's name", err)
	}
}

func TestMembersKeepBytes(t *testing.T) {
	got, err := channel.JSON(`{"b": [1, 2 ],"a":{"x":1,"x":2}}`).Members()
	if err != nil || len(got) != 2 || got[0].Name != "b" || string(got[0].Value) != `[1, 2 ]` || string(got[1].Value) != `{"x":1,"x":2}` {
		t.Errorf("Members = %v, %v", got, err)
	}
	for _, bad := range []string{``, `[]`, `7`, `{"a":1,"A":1}`, `null`, manyNames(10_000, `"m":0`)} {
		if _, err := channel.JSON(bad).Members(); !errors.Is(err, channel.ErrMalformed) {
			t.Errorf("Members(%s) = %v, want ErrMalformed", bad, err)
		}
	}
}

func TestMember(t *testing.T) {
	for data, want := range map[string]string{
		`{"a":1,"b": [2, {"a":3}] ,"c":4}`: `[2, {"a":3}]`, `{"\u0062":5}`: `5`, `{"B":1}`: ``, `{}`: ``, `["b"]`: ``, `{"a":{"b":1}}`: ``,
		``: ``,
	} {
		if got := channel.JSON(data).Member("b"); string(got) != want {
			t.Errorf("in %s b is %q, want %q", data, got, want)
		}
	}
}

// FuzzScanner compares the hand-written walk with the standard library: what it takes, and where values begin and end.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":[1,2,{"c":"\"}]"}],"":null}`, `[]`, `[[],{},"x",-1.5e3,true]`, ` {"\u0061" : "\\" , "B":{}} `, `{"a":1,"A":2}`, `7`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := channel.ReadJSON(data)
		if (err == nil) != json.Valid(data) {
			t.Fatalf("ReadJSON(%q) = %v", data, err)
		}
		var object map[string]json.RawMessage
		isObject := json.Unmarshal(data, &object) == nil && object != nil
		members, err := value.Members()
		if err == nil && (!isObject || len(members) != len(object)) {
			t.Fatalf("Members(%q) = %d, the library has %d", data, len(members), len(object))
		}
		for _, m := range members {
			if found := value.Member(m.Name); string(m.Value) != string(object[m.Name]) || string(found) != string(m.Value) {
				t.Fatalf("Members(%q): %q is %q, the library has %q", data, m.Name, m.Value, object[m.Name])
			}
		}
		var list []json.RawMessage
		isList := json.Unmarshal(data, &list) == nil && list != nil
		elements, err := value.Elements()
		if len(list) > 10_000 { // bounded on purpose
			list, isList = nil, false
		}
		if (err == nil) != isList || len(elements) != len(list) {
			t.Fatalf("Elements(%q) = %d, %v; the library has %d", data, len(elements), err, len(list))
		}
		for i := range elements {
			if string(elements[i]) != string(list[i]) {
				t.Fatalf("Elements(%q): %d is %q, the library has %q", data, i, elements[i], list[i])
			}
		}
		if want := saying(value); value.Text() != want {
			t.Fatalf("Text(%q) = %q, want %q", data, value.Text(), want)
		}
		if value.Check() == nil && !json.Valid(data) {
			t.Fatalf("Check takes %q", data)
		}
	})
}

// saying returns what the standard library reads in a string or a number.
func saying(value channel.JSON) string {
	var text string
	var number json.Number
	if json.Unmarshal(value.Clean(), &text) == nil {
		return text
	}
	_ = json.Unmarshal(value, &number) // anything else says nothing
	return number.String()
}
