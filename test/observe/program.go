package observe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// askTime bounds one request.
const askTime = 10 * time.Second

// Program is the path of a program that scripts/setup.sh built from tools/module. Where it is missing the test
// is skipped; with CI=true it fails. root is the way from the test's package to the top of the repository.
func Program(t testing.TB, root, module, name string) string {
	t.Helper()
	key := sha256.New()
	for _, file := range []string{"go.mod", "go.sum"} {
		raw, err := os.ReadFile(filepath.Join(root, "tools", module, file))
		if err != nil {
			t.Fatal(err)
		}
		key.Write(raw)
	}
	// The same key as in scripts/setup.sh: what was built from other versions does not count.
	path, err := filepath.Abs(filepath.Join(root, ".tools", fmt.Sprintf("%s-%x", module, key.Sum(nil)[:6]), name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		return path
	}
	missing := name + " is missing (make setup builds it from tools/" + module + ")"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// errStatus is an answer that is none: anything but 200.
var errStatus = errors.New("HTTP status")

// get asks url and gives the body of its answer.
func get(url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w %d of %s: %.300s", errStatus, resp.StatusCode, url, bytes.TrimSpace(body))
	}
	return body, err
}

// getJSON asks url and reads the field data of its answer.
func getJSON(url string, data any) error {
	body, err := get(url)
	if err != nil {
		return err
	}
	answer := struct{ Data any }{data}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("%s: %w in %.300s", url, err, body)
	}
	return nil
}
