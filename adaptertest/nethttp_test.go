package adaptertest_test

import (
	"testing"

	"github.com/go-gloebit/gloebit/adaptertest"
)

func TestNetHTTP(t *testing.T) { adaptertest.Run(t, adaptertest.Framework{New: adaptertest.NetHTTP}) }

func TestSecurity(t *testing.T) {
	adaptertest.RunSecurity(t, adaptertest.Framework{New: adaptertest.NetHTTP})
}
