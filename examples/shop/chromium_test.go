//go:build chromium

package main

import (
	"testing"

	"github.com/go-gloebit/gloebit/examples/internal/story"
)

func TestInChromium(t *testing.T) { story.RunInChromium(t, newShop) }
