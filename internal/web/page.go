package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// assets are the files of the page: HTML, a style sheet, plain ES modules.
//
//go:embed page
var assets embed.FS

// policy is the Content-Security-Policy of the page: everything comes from the same origin, nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// addPage serves the page at /, and its files.
func addPage(mux *http.ServeMux) {
	mux.Handle("GET /{$}", asset("index.html"))
	addAssets(mux)
}

// addAssets serves the files of the page below /page/.
func addAssets(mux *http.ServeMux) {
	entries, err := assets.ReadDir("page")
	if err != nil {
		panic(err) // the directory was there when this was built
	}
	for _, e := range entries {
		mux.Handle("GET /page/"+e.Name(), asset(e.Name()))
	}
}

// asset serves one file of the page. Browsers keep it and ask whether it is still the same.
func asset(name string) http.Handler {
	body, err := assets.ReadFile("page/" + name)
	if err != nil {
		panic(err) // it was there when this was built
	}
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	kind := contentType(name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		if unchanged(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", kind)
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the client has gone; there is nobody to tell
	})
}

// unchanged reports whether the client has the file with this tag already.
func unchanged(have, tag string) bool {
	for one := range strings.SplitSeq(have, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
			return true
		}
	}
	return false
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return "application/octet-stream"
	}
}
