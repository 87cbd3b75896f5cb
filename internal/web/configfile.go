package web

import (
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
)

// ErrConfigFile is the error of a file with TLS and basic auth that cannot be used.
var ErrConfigFile = errors.New("web configuration")

// CheckConfigFile reads a file with TLS and basic auth, and the certificates that it names. The error, in one
// line, names the file and is an ErrConfigFile. An empty name is no file, and fine.
func CheckConfigFile(file string) error {
	if file == "" {
		return nil
	}
	if err := web.Validate(file); err != nil {
		return fmt.Errorf("%w %s: %s", ErrConfigFile, file, oneLine(err.Error()))
	}
	return nil
}

// oneLine joins the lines of an error of the YAML parser.
func oneLine(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, " ")
}

// errorLog makes log lines of what net/http has to say: a request that panicked is an error of ours. The rest
// is what strangers can cause, such as a TLS hand-shake that was hung up on, and only for those who look for it.
func errorLog(l *slog.Logger) *log.Logger { return log.New(httpLines{l}, "", 0) }

// httpLines is a writer that gets one message with each call.
type httpLines struct{ log *slog.Logger }

// Write implements io.Writer.
func (h httpLines) Write(message []byte) (int, error) {
	text := strings.TrimSpace(string(message))
	if strings.Contains(text, "panic serving") {
		h.log.Error("HTTP", "error", text)
	} else {
		h.log.Debug("HTTP", "detail", text)
	}
	return len(message), nil
}
