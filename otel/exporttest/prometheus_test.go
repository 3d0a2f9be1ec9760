package exporttest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program returns the path of a program of Debian's package prometheus.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("GLOEBIT_TEST_REQUIRE") == "all" {
		t.Fatalf("GLOEBIT_TEST_REQUIRE is all: %v", err)
	}
	if err != nil {
		t.Skip(err)
	}
	return path
}

func TestAlerts(t *testing.T) {
	output, err := exec.CommandContext(
		t.Context(), program(t, "promtool"), "test", "rules", "../alerts_test.yaml",
	).CombinedOutput()
	require.NoError(t, err, string(output))
}

// TestPrometheus scrapes a shop with Prometheus and evaluates the alert rules.
func TestPrometheus(t *testing.T) {
	binary := program(t, "prometheus")
	s := newShop(t)
	replica := s.start("first", goods{})
	defer s.stop(replica)
	require.Equal(t, http.StatusOK, s.get(s.browser(func(*http.Request) {}), "/buy?key=1"))
	require.NoError(t, s.shop.Gloebit.Settle(t.Context()))
	require.Equal(t, http.StatusOK, s.get(s.browser(func(*http.Request) {}), "/buy?key=2"))
	site := httptest.NewServer(promhttp.HandlerFor(replica.registry, promhttp.HandlerOpts{}))
	defer site.Close()
	lint(t, site.URL)

	at := startPrometheus(t, binary, strings.TrimPrefix(site.URL, "http://"))
	for query, want := range map[string]string{
		`sum(gloebit_purchase_transitions_total{gloebit_purchase_state="delivered",gloebit_purchase_outcome="queued"})`: "1",
		`sum(gloebit_purchases_unfinished{gloebit_purchase_state="accepted"})`:                                          "1",
		`max(gloebit_purchases_overdue_age_seconds)`:                                                                    "0",
		`sum(gloebit_callback_duration_seconds_count{gloebit_callback_step="enact",http_response_status_code="200"})`:   "1",
		`sum(gloebit_oauth_duration_seconds_count{gloebit_oauth_operation="callback"})`:                                 "2",
		`count(ALERTS{alertstate="firing"}) or vector(0)`:                                                               "0",
	} {
		require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, want, ask(c, at, query), query) },
			20*time.Second, 100*time.Millisecond)
	}
}

// lint checks the names of the metrics of a site.
func lint(t *testing.T, site string) {
	t.Helper()
	response, err := http.Get(site)
	require.NoError(t, err)
	defer response.Body.Close()
	check := exec.CommandContext(t.Context(), program(t, "promtool"), "check", "metrics")
	check.Stdin = response.Body
	output, err := check.CombinedOutput()
	require.NoError(t, err, string(output))
}

// listening is the line of Prometheus's log that tells its address.
var listening = regexp.MustCompile(`msg="Listening on".* address=(\S+)`)

// startPrometheus starts a Prometheus that scrapes a site, and returns its URL.
func startPrometheus(t *testing.T, binary, site string) string {
	t.Helper()
	dir := t.TempDir()
	rules, err := filepath.Abs("../alerts.yaml")
	require.NoError(t, err)
	config := fmt.Sprintf(`
global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}
rule_files: [%q]
scrape_configs: [{job_name: shop, metrics_path: /, static_configs: [{targets: [%q]}]}]
`, rules, site)
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	defer log.Close()
	command := exec.CommandContext(
		t.Context(), binary, "--config.file="+file, "--storage.tsdb.path="+dir, "--web.listen-address=127.0.0.1:0",
	)
	command.Stderr = log
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		if err := command.Wait(); err != nil && t.Failed() { // the test's context has ended it
			text, _ := os.ReadFile(log.Name())
			t.Logf("%v\n%s", err, text)
		}
	})
	var found [][]byte
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(log.Name())
		found = listening.FindSubmatch(text)
		return err == nil && found != nil
	}, 20*time.Second, 20*time.Millisecond)
	return "http://" + string(found[1])
}

// ask returns the value of a query, or why there is none.
func ask(t require.TestingT, at, query string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at+"/api/v1/query?query="+url.QueryEscape(query), nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error() // it has not started yet
	}
	defer response.Body.Close()
	var answer struct {
		Error string
		Data  struct{ Result []struct{ Value [2]any } }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err.Error()
	}
	if len(answer.Data.Result) != 1 {
		return fmt.Sprintf("%d results %s", len(answer.Data.Result), answer.Error)
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1])
}
