package a

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"reflect"
	"slices"
	"strings"
)

type Secret string

func (s Secret) Reveal() string { return string(s) }

type credential struct {
	AccessToken Secret
	TokenSecret string
	binding     string
	mac         [4]byte
	n           int
}

func compared(a, b credential, x string, s []byte, all []string) bool {
	return a.AccessToken == b.AccessToken || // want `constant time: a.AccessToken` `constant time: b.AccessToken`
		x != b.AccessToken.Reveal() || // want `constant time`
		x == a.TokenSecret || // want `constant time`
		x == strings.TrimSpace(a.binding) || // want `constant time`
		sha256.Sum256(s) == sha256.Sum256([]byte(a.binding)) || // want `constant time`
		a.mac == b.mac || // want `a.mac` `b.mac`
		a == b || // want `a` `b`
		a.AccessToken == "known" || // want `constant time`
		bytes.Equal(s, a.mac[:]) || // want `constant time`
		strings.EqualFold(x, a.binding) || // want `constant time`
		slices.Equal(s, []byte(a.AccessToken)) || // want `constant time`
		slices.Contains(all, a.binding) || // want `constant time`
		reflect.DeepEqual(a, b) || // want `constant time: a` `constant time: b`
		x == a.binding || //lint:constanttime // want `constant time`
		x == a.binding //lint:constanttime both are public here
}

func switched(binding, x string) bool {
	switch binding { // want `constant time`
	case x:
		return true
	}
	return false
}

func allowed(a credential, x string, token *string, s []byte) bool {
	return a.AccessToken == "" || a.binding != "" || token == nil || a.n == len(a.binding) ||
		strings.Count(a.binding, "b") == a.n || x == "binding" || bytes.Equal(s, []byte(x)) ||
		subtle.ConstantTimeCompare([]byte(a.binding), s) == 1
}
