package channel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner walks over JSON, which is valid, and so needs to know no grammar: it finds where values begin and end. It
// exists because a walk by json.Decoder.Token costs ten times as much, on every webhook.
type scanner struct {
	data   []byte
	pos    int
	values int // passed by check
}

// next skips white space and separators, and returns the byte there.
func (s *scanner) next() byte {
	for {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			s.pos++
		default:
			return c
		}
	}
}

// text skips the string at pos and returns it with its quotes.
func (s *scanner) text() []byte {
	start := s.pos
	for s.pos++; s.data[s.pos] != '"'; s.pos++ {
		if s.data[s.pos] == '\\' {
			s.pos++
		}
	}
	s.pos++
	return s.data[start:s.pos]
}

// name skips the name at pos and returns it decoded.
func (s *scanner) name() []byte {
	quoted := s.text()
	plain := quoted[1 : len(quoted)-1]
	if isPlain(plain) {
		return plain
	}
	var decoded string
	_ = json.Unmarshal(quoted, &decoded) // a valid string always decodes
	return []byte(decoded)
}

// isPlain reports whether the inside of a valid string is what it says.
func isPlain(inside []byte) bool { return bytes.IndexByte(inside, '\\') < 0 && utf8.Valid(inside) }

// skip passes over the value at pos, however deep it is.
func (s *scanner) skip() JSON {
	s.next()
	start, depth := s.pos, 0
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case '"':
			s.text()
		case '{', '[':
			depth++
			s.pos++
		case '}', ']':
			if depth == 0 { // the end of what holds a bare number or word
				return s.data[start:s.pos]
			}
			depth--
			s.pos++
		case ' ', '\t', '\r', '\n', ',', ':':
			if depth == 0 {
				return s.data[start:s.pos]
			}
			s.pos++
			continue
		default:
			s.pos++
			continue
		}
		if depth == 0 {
			return s.data[start:s.pos]
		}
	}
	return s.data[start:s.pos]
}

// check passes over the value at pos and returns an error for too deep nesting, too many values and names that repeat.
func (s *scanner) check(depth int) error {
	if s.values++; s.values > maxValues {
		return tooMany()
	}
	open := s.next()
	if open != '{' && open != '[' {
		s.skip()
		return nil
	}
	if depth == maxDepth {
		return fmt.Errorf("%w: nested deeper than %d", ErrMalformed, maxDepth)
	}
	s.pos++
	var names nameSet
	for c := s.next(); c != '}' && c != ']'; c = s.next() {
		if open == '{' {
			if name := s.name(); !names.add(name) {
				return repeated(name)
			}
		}
		if err := s.check(depth + 1); err != nil {
			return err
		}
	}
	s.pos++
	return nil
}

func repeated(name []byte) error {
	return fmt.Errorf("%w: the name %s comes twice", ErrMalformed, quoteName(string(name)))
}

// nameSet holds the names of one object. Most objects have few, which are compared one by one without any memory of their own.
type nameSet struct {
	few  [12][]byte
	used int
	many map[string]bool
}

// add reports whether no name before was equal, in whatever case.
func (n *nameSet) add(name []byte) bool {
	if n.many == nil && n.used < len(n.few) {
		for _, known := range n.few[:n.used] {
			if bytes.EqualFold(known, name) {
				return false
			}
		}
		n.few[n.used] = name
		n.used++
		return true
	}
	if n.many == nil {
		n.many = make(map[string]bool, 2*len(n.few))
		for _, known := range n.few {
			n.many[fold(string(known))] = true
		}
	}
	folded := fold(string(name))
	if n.many[folded] {
		return false
	}
	n.many[folded] = true
	return true
}

// fold maps names that encoding/json would take for each other to one form. Names in small letters, as nearly all are, are that form.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				if 'A' <= next && next <= 'Z' {
					next += 'a' - 'A'
				}
				return next
			}
			r = next
		}
	}, name)
}
