package books

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/stores/sealed"
)

// keys make a copy of the database useless without them, so they are kept
// outside it. An application with a secret manager keeps them there.
type keys struct {
	Hold string `json:"hold"` // signs the hold URLs
	Seal string `json:"seal"` // seals the tokens, in the form of sealed.ParseKeys
}

// readKeys returns the keys of the database in that file. It creates them for a
// new database.
func readKeys(file string, isNew bool) (keys, error) {
	if file == "" {
		return newKeys(), nil
	}
	place := keysFile(file)
	text, err := os.ReadFile(place)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isNew:
		k := newKeys()
		return k, writeKeys(place, k)
	case errors.Is(err, fs.ErrNotExist):
		return keys{}, fmt.Errorf("its keys are not in %s: put them back there, or use another database", place)
	case err != nil:
		return keys{}, err
	}
	var k keys
	if err := json.Unmarshal(text, &k); err != nil || k.Hold == "" {
		return keys{}, fmt.Errorf("%s can't be read", place) // the decoder's error may quote them
	}
	return k, nil
}

func keysFile(file string) string { return file + "-keys" }

func newKeys() keys {
	var seal [32]byte
	_, _ = rand.Read(seal[:]) // never fails: crypto/rand crashes the program instead
	return keys{Hold: rand.Text() + rand.Text(), Seal: "first:" + base64.StdEncoding.EncodeToString(seal[:])}
}

// writeKeys writes the file atomically, readable only by its owner.
func writeKeys(place string, k keys) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	unfinished := place + ".new"
	if err := os.WriteFile(unfinished, text, 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, place)
}

// unlock sets the books' signing keys and their sealed store of tokens.
func (b *Books) unlock(k keys) error {
	sealing, err := sealed.ParseKeys(k.Seal)
	if err != nil {
		return err
	}
	b.Keys = []gloebit.Secret{gloebit.Secret(k.Hold)}
	b.Tokens, err = sealed.New(b.Store, sealing...)
	return err
}
