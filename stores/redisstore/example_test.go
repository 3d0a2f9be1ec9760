package redisstore_test

import (
	"log"
	"net/http"
	"os"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/redis/go-redis/v9"
)

// Sessions, pending connections and credentials are all in one Redis, so that
// any machine can answer any request.
func Example() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS"), ContextTimeoutEnabled: true})
	store, err := redisstore.New(redisstore.Config{Client: client})
	if err != nil {
		log.Fatal(err)
	}
	sessions := scs.New()
	sessions.Store = goredisstore.New(client)
	sessions.HashTokenInStore = true        // a reader of the store can't take over a session
	sessions.Codec = connect.SessionCodec{} // in place of gob, which takes most of a request's time
	sessions.Cookie.Secure = true
	sessions.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) { // scs would answer 500
		http.Error(w, "Please try again in a moment.", http.StatusServiceUnavailable)
	}
	merchant, err := gloebit.New(gloebit.Config{
		ClientID:     os.Getenv("GLOEBIT_CLIENT_ID"),
		ClientSecret: connect.Secret(os.Getenv("GLOEBIT_CLIENT_SECRET")),
		RedirectURL:  "https://shop.example/gloebit/callback", // the same on every machine
		Provider:     gloebit.Sandbox(),
		Sessions:     sessions,
		States:       store,
		Tokens:       store,
	})
	if err != nil {
		log.Fatal(err)
	}
	_ = merchant
}
