package oauth1_test

import (
	"fmt"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/oauth1"
)

// ExampleProtocol connects users by OAuth 1.0a. Everything else is as with OAuth 2.0.
func ExampleProtocol() {
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Provider: gloebit.Sandbox(), SignIn: true,
		Protocol: oauth1.Protocol{},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(merchant.ConnectURL("/cart"))
	// Output: /gloebit/connect?return_to=%2Fcart
}
