package gloebit_test

import (
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"
)

func BenchmarkCodec(b *testing.B) {
	values := map[string]any{"user": "alice", "since": int64(1), "admin": false}
	for name, codec := range map[string]scs.Codec{"compact": gloebit.SessionCodec{}, "gob": scs.GobCodec{}} {
		encoded, err := codec.Encode(time.Now().UTC(), values)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("decode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = codec.Decode(encoded)
			}
		})
		b.Run("encode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = codec.Encode(time.Now().UTC(), values)
			}
		})
	}
}
