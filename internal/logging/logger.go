package logging

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
)

// Formats of log lines.
const (
	Auto = "auto" // text on a terminal, JSON elsewhere
	Text = "text"
	JSON = "json"
)

// New makes a logger that writes to w. terminal says whether w is one. level may change while it runs.
func New(w io.Writer, format string, terminal bool, level *slog.LevelVar) (*slog.Logger, error) {
	switch {
	case format == JSON || format == Auto && !terminal:
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})), nil
	case format == Text || format == Auto:
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: "15:04:05.000000", NoColor: !terminal})), nil
	default:
		return nil, fmt.Errorf("log format %q: auto, text and json exist", format)
	}
}

// ParseLevel reads debug, info, warn or error.
func ParseLevel(text string) (slog.Level, error) {
	var l slog.Level
	switch text {
	case "debug", "info", "warn", "error":
		return l, l.UnmarshalText([]byte(text))
	}
	return l, fmt.Errorf("log level %q: debug, info, warn and error exist", text)
}

// milliseconds prints a duration with the unit in the key.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
