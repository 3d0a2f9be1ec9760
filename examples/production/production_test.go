package production_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// load reads compose.yaml as docker compose does.
func load(t *testing.T) *types.Project {
	t.Helper()
	dir := t.TempDir()
	for from, to := range map[string]string{"compose.yaml": "compose.yaml", "shop.env.example": "shop.env"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), []byte(read(t, from)), 0o600))
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(dir, "compose.yaml")}, cli.WithEnv([]string{
		"SHOP_HOST=shop.example", "SHOP_IMAGE=registry.example/shop:1.0", "GLOEBIT_IMAGE=registry.example/gloebit:0.1",
	}))
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

func TestCompose(t *testing.T) {
	t.Parallel()
	project := load(t)
	require.Equal(t, []string{"migrate", "postgres", "prometheus", "proxy", "shop-1", "shop-2"}, project.ServiceNames())
	for name, service := range project.Services {
		require.Regexp(t, `:v?\d+\.\d+(\.\d+)?$`, service.Image, "%s has a version", name)
		for variable, value := range service.Environment {
			if strings.Contains(variable, "SECRET") || strings.Contains(variable, "KEYS") ||
				strings.HasSuffix(variable, "PASSWORD") {
				require.Empty(t, *value, "%s: a secret is not in the file", name)
			}
		}
		for _, port := range service.Ports {
			require.True(t, name == "proxy" || port.HostIP == "127.0.0.1", "%s is open to the world", name)
		}
	}
	for _, name := range []string{"shop-1", "shop-2"} {
		shop := project.Services[name]
		require.GreaterOrEqual(t, time.Duration(*shop.StopGracePeriod), 60*time.Second, "longer than Run needs to end")
		require.Equal(t, "https://shop.example/hats", *shop.Environment["SHOP_URL"])
		require.Contains(t, *shop.Environment["GLOEBIT_DATABASE"], "@postgres:5432/")
		require.Equal(t, "service_completed_successfully", shop.DependsOn["migrate"].Condition)
	}
	require.True(t, project.Networks["inside"].Internal)
	require.Len(t, project.Services["postgres"].Networks, 1, "the database is not reached from outside")
}

func TestSettingsAreNeeded(t *testing.T) {
	t.Parallel()
	for _, missing := range []string{"SHOP_HOST", "SHOP_IMAGE", "GLOEBIT_IMAGE"} {
		require.Contains(t, read(t, "compose.yaml"), "${"+missing+":?")
	}
}

// TestEnvironment checks that the settings are those that the command knows.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	known := read(t, "../../cmd/gloebit/README.md")
	names := regexp.MustCompile(`(?m)^(GLOEBIT_\w+)=`).FindAllStringSubmatch(read(t, "shop.env.example"), -1)
	require.Len(t, names, 7)
	for _, name := range names {
		require.Contains(t, known, "\n  "+name[1]+" ")
	}
}

// program returns a program's path, or skips the test.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, folder := range []string{"", "/usr/sbin/", "/usr/bin/"} {
		if path, err := exec.LookPath(folder + name); err == nil {
			return path
		}
	}
	if os.Getenv("GLOEBIT_TEST_REQUIRE") == "all" {
		t.Fatalf("%s is not installed, but GLOEBIT_TEST_REQUIRE is all", name)
	}
	t.Skip(name + " is not installed")
	return ""
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	output, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	require.NoError(t, err, string(output))
	return string(output)
}

func TestUnit(t *testing.T) {
	t.Parallel()
	analyze := program(t, "systemd-analyze")
	unit := filepath.Join(t.TempDir(), "shop.service")
	text := regexp.MustCompile(`/usr/local/bin/\w+`).ReplaceAllString(read(t, "shop.service"), "/bin/true")
	require.NoError(t, os.WriteFile(unit, []byte(text), 0o600))
	require.NotContains(t, run(t, analyze, "verify", "--man=no", unit), "shop.service")
}

func TestNginx(t *testing.T) {
	t.Parallel()
	nginx := program(t, "nginx")
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{
		"certificate": {Type: "CERTIFICATE", Bytes: certificate}, "certificate_key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
	text := strings.NewReplacer(
		"/run/secrets/", dir+"/", "shop-1:", "127.0.0.1:", "shop-2:", "127.0.0.2:",
	).Replace(read(t, "nginx.conf"))
	if !strings.Contains(
		run(t, nginx, "-v"), "nginx/1.2",
	) || regexp.MustCompile(`nginx/1\.2[0-4]\.`).MatchString(run(t, nginx, "-v")) {
		text = strings.Replace(text, "http2 on;", "", 1) // since 1.25.1
	}
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte("pid "+dir+"/pid;\nerror_log stderr;\n"+text), 0o600))
	require.Contains(t, run(t, nginx, "-t", "-p", dir, "-c", file), "test is successful")
}

func TestPrometheus(t *testing.T) {
	t.Parallel()
	require.Contains(t, run(t, program(t, "promtool"), "check", "config", "prometheus.yml"), "SUCCESS")
}
