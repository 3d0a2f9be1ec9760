package sealed_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/sealed"
)

// The keys come from the environment, from a file or from a secret manager, the
// newest first.
func ExampleNew() {
	keys, err := sealed.ParseKeys("2026-11:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	if err != nil {
		log.Fatal(err)
	}
	inner := &connect.MemoryTokenStore{} // or sqlstore, or redisstore
	tokens, err := sealed.New(inner, keys...)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	alice := connect.Key{Realm: "www.gloebit.com/shop", ID: "alice"} // merchant.Realm()
	err = tokens.Update(ctx, alice, func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return &connect.Credential{AccessToken: "alice's token"}, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	stored, _ := inner.Load(ctx, alice)
	opened, _ := tokens.Load(ctx, alice)
	fmt.Println(strings.HasPrefix(stored.AccessToken.Reveal(), "sealed:v1:2026-11:"), opened.AccessToken.Reveal())
	// Output: true alice's token
}

// After a new key was put in front, Reseal replaces the old one.
func ExampleStore_Reseal() {
	ctx := context.Background()
	alice := connect.Key{Realm: "www.gloebit.com/shop", ID: "alice"}
	oldKey := sealed.Key{ID: "2026-05", Secret: "0123456789abcdef0123456789abcdef"}
	newKey := sealed.Key{ID: "2026-11", Secret: "fedcba9876543210fedcba9876543210"}
	inner := &connect.MemoryTokenStore{}
	before, err := sealed.New(inner, oldKey)
	if err != nil {
		log.Fatal(err)
	}
	err = before.Update(ctx, alice, func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return &connect.Credential{AccessToken: "alice's token"}, nil
	})
	if err != nil {
		log.Fatal(err)
	}

	tokens, err := sealed.New(inner, newKey, oldKey)
	if err != nil {
		log.Fatal(err)
	}
	resealed, err := tokens.Reseal(ctx, alice.Realm)
	fmt.Println(resealed, err)
	// Output: 1 <nil>
}
