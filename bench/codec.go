package bench

import (
	"context"
	"io"
	"net/http"

	"github.com/alexedwards/scs/v2"
)

// codecPair loads an application's own session with one key, and reads that
// key. Only the sides' Codecs differ.
func codecPair(codec scs.Codec) func(context.Context) (*Pair, error) {
	return func(context.Context) (*Pair, error) {
		ours, err := sessionOf(codec)
		if err != nil {
			return nil, err
		}
		peer, err := sessionOf(scs.GobCodec{})
		if err != nil {
			return nil, err
		}
		return &Pair{Ours: ours.side(), Peer: peer.side()}, nil
	}
}

func sessionOf(codec scs.Codec) (site, error) {
	manager := scs.New()
	manager.Codec = codec
	header, err := signedIn(manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		manager.Put(r.Context(), "user", alice)
		_, _ = io.WriteString(w, "welcome")
	})))
	return site{
		protect: manager.LoadAndSave,
		user:    func(ctx context.Context) string { return manager.GetString(ctx, "user") },
		header:  header,
	}, err
}
