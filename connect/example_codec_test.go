package connect_test

import (
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit/connect"
)

// bothForms reads both forms and writes the one that old replicas read.
type bothForms struct{ connect.SessionCodec }

// Encode writes gob.
func (bothForms) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	return scs.GobCodec{}.Encode(deadline, values)
}

// Replicas that still read gob alone keep an application from changing the codec
// at once: first all learn to read both forms, then all write the compact one.
func ExampleSessionCodec() {
	old, deployedFirst, deployedThen := scs.GobCodec{}, bothForms{}, connect.SessionCodec{}

	for _, step := range []struct{ writer, reader scs.Codec }{
		{old, deployedFirst}, {deployedFirst, old}, {deployedThen, deployedFirst}, {deployedFirst, deployedThen},
	} {
		stored, err := step.writer.Encode(time.Now(), map[string]any{"user": "alice"})
		if err != nil {
			panic(err)
		}
		_, session, err := step.reader.Decode(stored)
		fmt.Println(session["user"], err)
	}
	// Output:
	// alice <nil>
	// alice <nil>
	// alice <nil>
	// alice <nil>
}
