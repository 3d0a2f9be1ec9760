package gloebittest_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// signer signs requests as an OAuth 1.0a client does.
type signer struct {
	key, secret, token, tokenSecret string
	time                            time.Time
	nonce                           string
	more                            []string // further protocol parameters, as pairs of name and value; "-" leaves one out
}

// parameters are the protocol parameters without the signature.
func (s signer) parameters() url.Values {
	values := url.Values{
		"oauth_consumer_key": {s.key}, "oauth_signature_method": {"HMAC-SHA1"},
		"oauth_timestamp": {strconv.FormatInt(s.time.Unix(), 10)}, "oauth_nonce": {s.nonce},
	}
	if s.token != "" {
		values.Set("oauth_token", s.token)
	}
	return change(values, s.more...)
}

// sign returns the protocol parameters with the signature of a request.
func (s signer) sign(r *http.Request, body string) url.Values {
	protocol := s.parameters()
	pairs := encoded(protocol)
	pairs = append(pairs, encoded(r.URL.Query())...)
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		form, _ := url.ParseQuery(body)
		pairs = append(pairs, encoded(form)...)
	}
	for i := range pairs {
		pairs[i] = strings.Replace(pairs[i], "=", "\x00", 1) // names sort before values
	}
	sort.Strings(pairs)
	for i := range pairs {
		pairs[i] = strings.Replace(pairs[i], "\x00", "=", 1)
	}
	address, _, _ := strings.Cut(r.URL.Scheme+"://"+strings.ToLower(r.URL.Host)+r.URL.RequestURI(), "?")
	base := r.Method + "&" + escape(address) + "&" + escape(strings.Join(pairs, "&"))
	mac := hmac.New(sha1.New, []byte(escape(s.secret)+"&"+escape(s.tokenSecret)))
	_, _ = io.WriteString(mac, base)
	protocol.Set("oauth_signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return change(protocol, s.more...)
}

func encoded(values url.Values) []string {
	var pairs []string
	for name, list := range values {
		for _, value := range list {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	return pairs
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// header is an Authorization header of these parameters.
func header(protocol url.Values) string {
	var parts []string
	for name, list := range protocol {
		for _, value := range list {
			parts = append(parts, fmt.Sprintf(`%s="%s"`, escape(name), escape(value)))
		}
	}
	sort.Strings(parts)
	return `OAuth realm="Photos, \, and more",` + strings.Join(parts, ", ")
}

func TestTheSignerAgreesWithRFC5849(t *testing.T) {
	for _, example := range []struct {
		method, url, signature string
		signer                 signer
	}{
		{"POST", "https://photos.example.net/initiate", "74KNZJeDHnMBp0EMJ9ZHt/XKycU=", signer{
			key: "dpf43f3p2l4k3l03", secret: "kd94hf93k423kf44", time: time.Unix(137131200, 0), nonce: "wIjqoS",
			more: []string{"oauth_callback", "http://printer.example.com/ready"},
		}},
		{"GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", "MdpQcU8iPSUjWoN/UDMsK2sui9I=", signer{
			key: "dpf43f3p2l4k3l03", secret: "kd94hf93k423kf44", token: "nnch734d00sl2jdk", tokenSecret: "pfkkdhi9sl3r4s00",
			time: time.Unix(137131202, 0), nonce: "chapoH",
		}},
	} {
		r, err := http.NewRequest(example.method, example.url, nil)
		require.NoError(t, err)
		require.Equal(t, example.signature, example.signer.sign(r, "").Get("oauth_signature"))
	}
}
