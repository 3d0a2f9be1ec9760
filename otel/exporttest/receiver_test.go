package exporttest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// receiver is an OTLP receiver over HTTP (OTLP 1.9.0, "OTLP/HTTP").
type receiver struct {
	t      *testing.T
	server *httptest.Server

	mu    sync.Mutex
	spans []received
	text  []string // of the requests, as JSON
}

// received is a span, and the replica that sent it.
type received struct {
	*tracepb.Span
	replica string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t}
	r.server = httptest.NewServer(r)
	t.Cleanup(r.server.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var sent collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &sent)
	}
	if err != nil || req.Method != http.MethodPost || req.URL.Path != "/v1/traces" ||
		req.Header.Get("Content-Type") != "application/x-protobuf" {
		r.t.Errorf("%s %s: %v", req.Method, req.URL, err)
		http.Error(w, "not a trace", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text = append(r.text, protojson.Format(&sent))
	for _, resource := range sent.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				r.spans = append(r.spans, received{span, value(resource.Resource.Attributes, "service.instance.id")})
			}
		}
	}
	answer, _ := proto.Marshal(&collector.ExportTraceServiceResponse{}) // never fails: it is empty
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

// all returns the spans that have come.
func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.spans
}

// of returns the spans of a name that a replica sent.
func (r *receiver) of(replica, name string) []received {
	r.t.Helper()
	var found []received
	for _, span := range r.all() {
		if span.replica == replica && span.Name == name {
			found = append(found, span)
		}
	}
	require.NotEmpty(r.t, found, "no span %s of %s", name, replica)
	return found
}

func value(attributes []*common.KeyValue, key string) string {
	for _, attribute := range attributes {
		if attribute.Key == key {
			return attribute.Value.GetStringValue()
		}
	}
	return ""
}
