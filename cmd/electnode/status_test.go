package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestStatusOfAnEnsemble: a URL that answers for several servers gives a line for each.
func TestStatusOfAnEnsemble(t *testing.T) {
	const node = `{"sid":1,"state":"LEADING","leader":1,"established":true,"current_epoch":"2","round":"1","peers":[]}`
	body := `[{"sid":1,"status":` + node + `},{"sid":2,"error":"the node does not run"}]`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	defer s.Close()
	defer http.DefaultClient.CloseIdleConnections()
	code, out, errs := executed("status", s.URL)
	if code != exitDiffer || !strings.Contains(out, "LEADING") || !strings.Contains(out, "/nodes/2: the node does not run") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	body = `[{"sid":1,"status":` + node + `}]`
	if code, out, errs = executed("status", s.URL+"/"); code != 0 {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	body = "<html>"
	if code, out, _ = executed("status", s.URL); code != exitFailed || !strings.Contains(out, "this is no electnode") {
		t.Errorf("exit %d, %s", code, out)
	}
}
