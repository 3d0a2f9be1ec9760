// Package leaktest finds secrets where they should not be. A test tells a
// [Witness] of every secret there is and of everything that could be seen; the
// table of docs/security-tests.md says which of them may be seen where.
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

// shortest is the length from which on a secret can't be met by accident.
const shortest = 12

// Witness remembers secrets by their kind, and what was seen by its place. The
// zero value is ready for use. It is safe for concurrent use.
type Witness struct {
	mu      sync.Mutex
	secrets map[string]map[string]bool
	hashes  map[string]string
	seen    map[string]*bytes.Buffer
}

// Secret tells of a secret. One that is empty is none.
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

// Hashed tells of a secret of 256 bits in base64url of which nothing but the
// hash is known: the SHA-256 of those 43 characters, in base64url too.
func (w *Witness) Hashed(kind, hash string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hashes == nil {
		w.hashes = make(map[string]string)
	}
	w.hashes[hash] = kind
}

// Saw tells what was seen in a place.
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
// say so, and for secrets of which the table says nothing.
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

// WantsAll is [Witness.Wants], and fails the test also for lines and places of
// the table that nothing was seen of: a table that says too much hides leaks.
// Only the kinds given are looked at; none means all.
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

// nonce is what a secret looks like of which only the hash is known.
var nonce = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)

// sightings are by kind and place the forms in which secrets were seen first.
type sightings map[string]map[string]string

func (s sightings) add(kind, place, form string, text []byte, at int) {
	if s[kind] == nil {
		s[kind] = make(map[string]string)
	}
	if s[kind][place] == "" {
		s[kind][place] = form + ": " + around(text, at)
	}
}

// found looks for everything everywhere.
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

// needle is one form of one secret.
type needle struct {
	form
	kind string
}

// index holds the needles by what they begin with, so that a text is gone through
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

// around is what stands around a secret, for finding where it came from.
func around(text []byte, at int) string {
	return fmt.Sprintf("%q", text[max(0, at-120):min(len(text), at+80)])
}
