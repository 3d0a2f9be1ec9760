// Package leaktest finds secrets in places where they must not be. A test
// passes to a [Witness] every secret and everything that could be seen. The
// table in docs/security-tests.md says which secrets may be seen where.
package leaktest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
	"testing"
)

// shortest is the length from which on a text is not a secret by chance.
const shortest = 12

// Witness records secrets by their kind, and texts by the place where they were
// seen. The zero value is ready for use. It is safe for concurrent use.
type Witness struct {
	mu      sync.Mutex
	secrets map[string]map[string]bool
	hashes  map[string]string
	seen    map[string]*bytes.Buffer
}

// Secret adds secrets of a kind. It ignores empty ones.
func (w *Witness) Secret(kind string, values ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, value := range values {
		if value == "" {
			continue
		}
		if w.secrets == nil {
			w.secrets = make(map[string]map[string]bool)
		}
		if w.secrets[kind] == nil {
			w.secrets[kind] = make(map[string]bool)
		}
		w.secrets[kind][value] = true
	}
}

// Hashed adds a secret of which only the hash is known: 256 bits in base64url
// (43 characters). The hash is the SHA-256 of these characters, also in
// base64url.
func (w *Witness) Hashed(kind, hash string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hashes == nil {
		w.hashes = make(map[string]string)
	}
	w.hashes[hash] = kind
}

// Saw adds texts that were seen in a place.
func (w *Witness) Saw(place string, what ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = make(map[string]*bytes.Buffer)
	}
	if w.seen[place] == nil {
		w.seen[place] = new(bytes.Buffer)
	}
	for _, text := range what {
		w.seen[place].WriteString(text)
		w.seen[place].WriteByte('\n')
	}
}

// Wants fails the test for every secret that was seen where the table does not
// allow it, and for secrets that are not in the table.
func (w *Witness) Wants(t testing.TB, table Table) {
	t.Helper()
	w.wants(t, table)
}

func (w *Witness) wants(t testing.TB, table Table) (found sightings) {
	t.Helper()
	found = w.found()
	for kind, places := range found {
		for place, form := range places {
			if !slices.Contains(table[kind], place) {
				t.Errorf("a secret is seen where it should not be: %s in %s, %s", kind, place, form)
			}
		}
	}
	for _, kind := range w.kinds() {
		if _, ok := table[kind]; !ok {
			t.Errorf("the table of where secrets go has no line for: %s", kind)
		}
	}
	return found
}

// WantsAll is like [Witness.Wants], and also fails the test for kinds and
// places in the table that were not seen, because a table that allows too much
// hides leaks. It checks only the given kinds, or all if there are none.
func (w *Witness) WantsAll(t testing.TB, table Table, kinds ...string) {
	t.Helper()
	found := w.wants(t, table)
	if len(kinds) == 0 {
		kinds = slices.Sorted(maps.Keys(table))
	}
	known := w.kinds()
	for _, kind := range kinds {
		if !slices.Contains(known, kind) {
			t.Errorf("no secret of this kind was ever made: %s", kind)
			continue
		}
		for _, place := range table[kind] {
			if _, ok := found[kind][place]; !ok {
				t.Errorf("the table says that it is seen, and it is not: %s in %s", kind, place)
			}
		}
	}
}

func (w *Witness) kinds() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	kinds := slices.Collect(maps.Keys(w.secrets))
	for _, kind := range w.hashes {
		kinds = append(kinds, kind)
	}
	return kinds
}

// nonce matches a secret of which only the hash is known.
var nonce = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)

// sightings maps kind and place to the encodings in which a secret was first
// seen.
type sightings map[string]map[string]string

func (s sightings) add(kind, place, form string, text []byte, at int) {
	if s[kind] == nil {
		s[kind] = make(map[string]string)
	}
	if s[kind][place] == "" {
		s[kind][place] = form + ": " + around(text, at)
	}
}

// found searches all texts for all secrets.
func (w *Witness) found() sightings {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := make(sightings)
	index := w.index()
	for place, buffer := range w.seen {
		text := buffer.Bytes()
		for at := range max(0, len(text)-shortest+1) {
			for _, n := range index[[shortest]byte(text[at:])] {
				if bytes.HasPrefix(text[at:], []byte(n.text)) {
					found.add(n.kind, place, n.name, text, at)
				}
			}
		}
		for _, at := range nonce.FindAllIndex(text, -1) {
			sum := sha256.Sum256(text[at[0]:at[1]])
			if kind, ok := w.hashes[base64.RawURLEncoding.EncodeToString(sum[:])]; ok {
				found.add(kind, place, "as it is", text, at[0])
			}
		}
	}
	return found
}

// needle is one encoding of one secret.
type needle struct {
	form
	kind string
}

// index groups the needles by their first bytes, so that a text is searched
// once for all of them.
func (w *Witness) index() map[[shortest]byte][]needle {
	index := make(map[[shortest]byte][]needle)
	for kind, values := range w.secrets {
		for value := range values {
			if len(value) < shortest {
				panic(fmt.Sprintf("leaktest: a secret too short to look for: %s %q", kind, value))
			}
			for _, f := range forms(value) {
				start := [shortest]byte([]byte(f.text))
				index[start] = append(index[start], needle{f, kind})
			}
		}
	}
	return index
}

// around returns the text around a secret, to help find its origin.
func around(text []byte, at int) string {
	return fmt.Sprintf("%q", text[max(0, at-120):min(len(text), at+80)])
}
