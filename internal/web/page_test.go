package web

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

// shown is a page of one server that does not answer, in a server of its own.
func shown(t testing.TB, e *Ensemble) http.Handler {
	t.Helper()
	if e.Events == nil {
		e.Events = &recordedLines{token: "t"}
	}
	return e.Handler()
}

// TestPageFiles: every file of the page is served with the headers that keep the page by itself, and is not sent
// twice.
func TestPageFiles(t *testing.T) {
	h := shown(t, &Ensemble{Kind: KindNode})
	entries, err := fs.ReadDir(assets, "page")
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{"/": "text/html; charset=utf-8"}
	for _, e := range entries {
		paths["/page/"+e.Name()] = contentType(e.Name())
	}
	for p, kind := range paths {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, p, nil))
		got := w.Header()
		if w.Code != http.StatusOK || w.Body.Len() == 0 || got.Get("Content-Type") != kind || kind == "application/octet-stream" {
			t.Errorf("%s: %d, %s, %d bytes", p, w.Code, got.Get("Content-Type"), w.Body.Len())
		}
		for name, part := range map[string]string{"Content-Security-Policy": "default-src 'none'; script-src 'self';",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"} {
			if !strings.Contains(got.Get(name), part) {
				t.Errorf("%s: %s: %q", p, name, got.Get(name))
			}
		}
		again := httptest.NewRequest(http.MethodGet, p, nil)
		again.Header.Set("If-None-Match", `"other", W/`+got.Get("ETag"))
		w = httptest.NewRecorder()
		h.ServeHTTP(w, again)
		if w.Code != http.StatusNotModified || w.Body.Len() != 0 || got.Get("ETag") == "" {
			t.Errorf("%s again: %d, %d bytes", p, w.Code, w.Body.Len())
		}
	}
	for _, p := range []string{"/page/", "/page/nothing.js", "/page/../page.go", "/index.html"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, p, nil))
		if w.Code == http.StatusOK {
			t.Errorf("%s: %d", p, w.Code)
		}
	}
}

// TestPageIsPlain: no script or style in the markup, nothing from elsewhere, and no way for text to become HTML.
func TestPageIsPlain(t *testing.T) {
	bad := map[string]*regexp.Regexp{
		"markup from text":    regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function|srcdoc`),
		"an inline style":     regexp.MustCompile(`<[^>]*\sstyle=|<style`),
		"an inline script":    regexp.MustCompile(`<script(>|[^>]*[^"]>)|<script type="module">|\son[a-z]+="`),
		"something elsewhere": regexp.MustCompile(`(src|href)="(https?:)?//|import[^;]*'https?:|url\([^#]`),
	}
	imports := regexp.MustCompile(`from '\./([^']+)'`)
	used := map[string]bool{"app.js": true, "list.js": true}
	entries, err := fs.ReadDir(assets, "page")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := fs.ReadFile(assets, "page/"+e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for what, pattern := range bad {
			if found := pattern.Find(raw); found != nil {
				t.Errorf("%s: %s: %q", e.Name(), what, found)
			}
		}
		if lines := strings.Count(string(raw), "\n"); lines > 400 {
			t.Errorf("%s has %d lines", e.Name(), lines)
		}
		for _, m := range imports.FindAllStringSubmatch(string(raw), -1) {
			used[m[1]] = true
		}
	}
	for _, e := range entries {
		if path.Ext(e.Name()) == ".js" && !used[e.Name()] {
			t.Errorf("nobody imports %s", e.Name())
		}
	}
}

// TestNoPage: without an ensemble to show there is no page, and no way to ask for faults.
func TestNoPage(t *testing.T) {
	h := Handler(Site{Node: still{}, History: past(t)})
	for _, p := range []string{"/", "/page/app.js", "/api/v1/ensemble", "/api/v1/ensemble/events"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, p, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", p, w.Code)
		}
	}
}
