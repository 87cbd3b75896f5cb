package quorum

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Property is one entry of a text in the syntax of java.util.Properties.
type Property struct {
	Line  int // of its first line, from 1
	Key   string
	Value string // with its trailing blanks
}

// ParseProperties reads a properties text: the entries in the order of their first appearance, of two
// entries with one key the later. A malformed \u escape is a problem, and the text is then unusable; there
// is no other way for it to be wrong. A file must be decoded as ISO-8859-1 before (DecodeLatin1), a text
// from a notification is UTF-8. Rule: java.util.Properties.load.
//
// This is written out although the module requires github.com/magiconair/properties, because that library
// departs from Java where it matters here: a key cannot be continued on the next line; CR LF after a
// backslash ends the value; a blank joined line swallows the line after it; an entry with an empty key is
// an error that leaves the library's lexer goroutine behind for good, which a hostile peer could repeat;
// surrogate pairs are lost; and no line numbers come out. The tests compare the two where they agree.
func ParseProperties(text string) ([]Property, []*Problem) {
	var (
		props []Property
		bad   problemList
		index = map[string]int{}
		lines = lineScanner{rest: text}
	)
	for lines.next() {
		rawKey, rawValue := splitEntry(lines.line)
		key, keyOK := unescape(rawKey)
		value, valueOK := unescape(rawValue)
		if !keyOK || !valueOK {
			bad.add(lines.first, key, `malformed \u escape in %s`, rawKey)
			continue
		}
		p := Property{Line: lines.first, Key: key, Value: value}
		if i, twice := index[key]; twice {
			props[i] = p
			continue
		}
		index[key] = len(props)
		props = append(props, p)
	}
	return props, bad.all
}

// DecodeLatin1 makes a string of ISO-8859-1 bytes: one byte, one character.
func DecodeLatin1(b []byte) string {
	ascii := true
	for _, c := range b {
		if c >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return string(b)
	}
	var s strings.Builder
	s.Grow(len(b) + len(b)/4)
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

const blanks = " \t\f"

// lineScanner cuts a text into logical lines: comments and empty lines left out, continuations joined.
type lineScanner struct {
	rest  string
	at    int    // number of the last line taken
	line  string // the logical line, without leading blanks
	first int    // number of its first line
}

// next moves to the next logical line.
func (s *lineScanner) next() bool {
	var joined []byte
	for s.rest != "" {
		line := strings.TrimLeft(s.take(), blanks)
		if len(joined) == 0 {
			if line == "" || line[0] == '#' || line[0] == '!' {
				continue
			}
			s.first = s.at
		}
		body, more := cutContinuation(line)
		if len(joined) == 0 && !more {
			s.line = body
			return true
		}
		joined = append(joined, body...)
		if !more {
			break
		}
	}
	s.line = string(joined)
	return len(joined) > 0
}

// take cuts off one line of the text, ended by LF, CR, CR LF or the end.
func (s *lineScanner) take() string {
	s.at++
	i := strings.IndexAny(s.rest, "\r\n")
	if i < 0 {
		line := s.rest
		s.rest = ""
		return line
	}
	line, end := s.rest[:i], i+1
	if s.rest[i] == '\r' && end < len(s.rest) && s.rest[end] == '\n' {
		end++
	}
	s.rest = s.rest[end:]
	return line
}

// cutContinuation removes the last backslash when their number at the end is odd; the next line then
// belongs to this one.
func cutContinuation(line string) (body string, more bool) {
	n := len(line) - len(strings.TrimRight(line, `\`))
	if n%2 == 0 {
		return line, false
	}
	return line[:len(line)-1], true
}

// splitEntry cuts a logical line into key and value, both still escaped. The key ends at the first
// unescaped blank, '=' or ':'; blanks, at most one '=' or ':', and blanks lie between.
func splitEntry(line string) (key, value string) {
	end, escaped := 0, false
	for ; end < len(line); end++ {
		c := line[end]
		if !escaped && (c == '=' || c == ':' || isBlank(c)) {
			break
		}
		escaped = c == '\\' && !escaped
	}
	key, value = line[:end], strings.TrimLeft(line[end:], blanks)
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], blanks)
	}
	return key, value
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\f' }

// unescape resolves the escapes of a key or a value; false means a malformed \u. Half a surrogate pair
// becomes U+FFFD.
func unescape(raw string) (string, bool) {
	i := strings.IndexByte(raw, '\\')
	if i < 0 {
		return raw, true
	}
	var s strings.Builder
	s.Grow(len(raw))
	for {
		s.WriteString(raw[:i])
		raw = raw[i+1:]
		if raw == "" {
			return s.String(), true
		}
		if raw[0] == 'u' {
			r, n := unicodeEscape(raw)
			if n == 0 {
				return s.String(), false
			}
			s.WriteRune(r)
			raw = raw[n:]
		} else {
			r, n := utf8.DecodeRuneInString(raw)
			s.WriteRune(plainEscape(r))
			raw = raw[n:]
		}
		if i = strings.IndexByte(raw, '\\'); i < 0 {
			s.WriteString(raw)
			return s.String(), true
		}
	}
}

func plainEscape(r rune) rune {
	switch r {
	case 't':
		return '\t'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 'f':
		return '\f'
	default:
		return r
	}
}

// unicodeEscape reads "uXXXX", or two of them that are a surrogate pair, at the start of s; n is the
// number of bytes read, 0 when it is malformed.
func unicodeEscape(s string) (r rune, n int) {
	r, ok := fourHex(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 5
	}
	if len(s) > 6 && s[5] == '\\' && s[6] == 'u' {
		if low, ok := fourHex(s[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 11
			}
		}
	}
	return utf8.RuneError, 5
}

// fourHex reads the four digits after the 'u' that s begins with.
func fourHex(s string) (rune, bool) {
	if len(s) < 5 {
		return 0, false
	}
	var r rune
	for i := 1; i < 5; i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
