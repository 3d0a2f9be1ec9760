package redisstore_test

import (
	"log"
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
	sessions.HashTokenInStore = true
	merchant, err := gloebit.New(gloebit.Config{
		ClientID:     os.Getenv("GLOEBIT_KEY"),
		ClientSecret: connect.Secret(os.Getenv("GLOEBIT_SECRET")),
		RedirectURL:  "https://shop.example/gloebit/callback",
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
