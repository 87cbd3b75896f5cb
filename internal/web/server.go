package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"electnode/internal/node"
)

// Source is a node that can be asked; *node.Node is one.
type Source interface {
	Status(ctx context.Context) (node.Status, error)
}

// askTime is how long a node may take to answer: one that is paused or stuck does not hold requests.
const askTime = time.Second

func ask(ctx context.Context, src Source) (node.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	return src.Status(ctx)
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client has gone; there is nobody to tell
}

func writeError(w http.ResponseWriter, code int, text string) {
	writeJSON(w, code, map[string]string{"error": text})
}
