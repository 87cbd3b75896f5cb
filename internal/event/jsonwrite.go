package event

import (
	"strconv"
	"time"
	"unicode/utf8"

	"electnode/internal/quorum"
)

// timeForm is RFC 3339 in UTC with all nine digits: times compare as their texts do.
const timeForm = "2006-01-02T15:04:05.000000000Z"

// encoder writes the fields of JSON objects one after the other.
type encoder struct{ b []byte }

// key begins a field, with a comma unless it is the first of its object. Keys need no quoting.
func (e *encoder) key(name string) {
	if e.b[len(e.b)-1] != '{' {
		e.b = append(e.b, ',')
	}
	e.b = append(e.b, '"')
	e.b = append(e.b, name...)
	e.b = append(e.b, '"', ':')
}

func (e *encoder) text(key, v string) {
	e.key(key)
	e.b = appendQuoted(e.b, v)
}

func (e *encoder) flag(key string, v bool) {
	e.key(key)
	e.b = strconv.AppendBool(e.b, v)
}

func (e *encoder) number(key string, v int64) {
	e.key(key)
	e.b = strconv.AppendInt(e.b, v, 10)
}

func (e *encoder) count(key string, v uint64) {
	e.key(key)
	e.b = strconv.AppendUint(e.b, v, 10)
}

func (e *encoder) duration(key string, v time.Duration) { e.number(key, int64(v)) }

// decimal writes a number that may pass 2^53 as text.
func (e *encoder) decimal(key string, v int64) {
	e.key(key)
	e.b = append(e.b, '"')
	e.b = strconv.AppendInt(e.b, v, 10)
	e.b = append(e.b, '"')
}

func (e *encoder) hex(key string, v uint64) {
	e.key(key)
	e.b = append(e.b, `"0x`...)
	e.b = strconv.AppendUint(e.b, v, 16)
	e.b = append(e.b, '"')
}

func (e *encoder) when(key string, t time.Time) {
	e.key(key)
	e.b = append(e.b, '"')
	e.b = t.UTC().AppendFormat(e.b, timeForm)
	e.b = append(e.b, '"')
}

// instant writes a time that may be none: null.
func (e *encoder) instant(key string, t time.Time) {
	if t.IsZero() {
		e.key(key)
		e.b = append(e.b, "null"...)
		return
	}
	e.when(key, t)
}

func (e *encoder) sids(key string, all []quorum.SID) {
	e.key(key)
	e.b = append(e.b, '[')
	for i, sid := range all {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.b = strconv.AppendInt(e.b, int64(sid), 10)
	}
	e.b = append(e.b, ']')
}

func (e *encoder) texts(key string, all []string) {
	e.key(key)
	e.b = append(e.b, '[')
	for i, s := range all {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.b = appendQuoted(e.b, s)
	}
	e.b = append(e.b, ']')
}

// appendQuoted writes s as a JSON string that no terminal, log viewer or script takes for more than text:
// all control characters, U+0080 to U+009F and the line separators are escaped, bad bytes are U+FFFD.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			if c == '"' || c == '\\' {
				b = append(b, '\\', c)
			} else {
				b = appendEscape(b, rune(c))
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if escaped(r, size) {
			b = append(b, s[start:i]...)
			b = appendEscape(b, r)
			start = i + size
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// escaped reports whether a character beyond ASCII is written by its number.
func escaped(r rune, size int) bool {
	return r < 0xa0 || r == '\u2028' || r == '\u2029' || r == utf8.RuneError && size == 1
}

// appendEscape writes a character below U+10000 by its number, the line feed and the tab by their letters.
func appendEscape(b []byte, r rune) []byte {
	switch r {
	case '\n':
		return append(b, '\\', 'n')
	case '\t':
		return append(b, '\\', 't')
	}
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
