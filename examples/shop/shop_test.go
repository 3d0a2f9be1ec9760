package main

import (
	"testing"

	"github.com/go-gloebit/gloebit/examples/internal/story"
)

func TestStories(t *testing.T) { story.Run(t, newShop) }

func TestProgram(t *testing.T) { story.RunProgram(t) }

func TestNoSecretShows(t *testing.T) { story.RunSecrets(t, newShop) }
