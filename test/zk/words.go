package zk

import (
	"io"
	"net"
	"strings"
	"time"
)

// wordTime bounds the answer to a four-letter word.
const wordTime = 2 * time.Second

// Word asks the client port at addr with a four-letter word; empty: it does not answer.
func Word(addr, word string) string {
	conn, err := net.DialTimeout("tcp", addr, wordTime)
	if err != nil {
		return ""
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(wordTime)); err != nil {
		return ""
	}
	if _, err := io.WriteString(conn, word); err != nil {
		return ""
	}
	answer, _ := io.ReadAll(conn) // what came is the answer, however it ended
	return string(answer)
}

// Srvr is the value of one line of srvr of the server at addr, Mode or Zxid for example; empty when there
// is none, as for a server that does not serve.
func Srvr(addr, name string) string {
	for line := range strings.Lines(Word(addr, "srvr")) {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Mode is what srvr says of the server at addr: leader, follower, observer, or empty.
func Mode(addr string) string { return Srvr(addr, "Mode") }

// Mntr is what mntr says of the server at addr.
func Mntr(addr string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(Word(addr, "mntr")) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			out[k] = v
		}
	}
	return out
}
