package ultracart_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/servers/ultracart"
	"github.com/go-gloebit/gloebit/servers/ultracart/ultracarttest"
)

// UltraCart's sample of oauth_access_token. Its redirect_url is redirect_uri on
// the wire, and UltraCart's own client refuses the sample's name.
func ExampleOAuth_AccessToken() {
	server := ultracarttest.New(ultracarttest.Config{})
	server.Inject("/rest/v2/oauth/token", 1, oauthtest.JSON(http.StatusOK, `{
		"access_token": "123456789012345678901234567890", "refresh_token": "098765432109876543210987654321",
		"token_type": "bearer", "expires_in": "3600", "scope": "order_read"
	}`))
	httpClient := &http.Client{Transport: oauthtest.Transport{Handler: server}}
	request := httptest.NewRequest(http.MethodGet, "/oauth/redirect_here?code=123456&state=denmark", nil)

	// this is given to you when you create your application
	clientID := "5e31ce86e17f02015a35257c47151544"
	grantType := ultracart.AuthorizationCode
	redirectURI := "https://www.mywebsite.com/oauth/redirect_here.php"
	state := "denmark" // this is whatever you used when you created your authorize url
	fmt.Println(state == request.FormValue("state"))

	// Get the code from the request
	code := request.FormValue("code")

	// Create OAuth API instance
	oauthAPI := ultracart.OAuth{Server: ultracart.Server(ultracart.Production), ClientID: clientID, HTTPClient: httpClient}

	// Call the OAuth access token method
	apiResponse, err := oauthAPI.AccessToken(context.Background(), ultracart.TokenRequest{
		GrantType: grantType, Code: connect.Secret(code), RedirectURI: redirectURI,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// apiResponse is a TokenResponse.
	fmt.Println(strings.ReplaceAll(fmt.Sprintf("%+v", apiResponse), " ExpiresIn", "\nExpiresIn"))

	// Extract refresh token and expiration
	refreshToken := apiResponse.RefreshToken
	expiresIn := apiResponse.ExpiresIn
	fmt.Println(refreshToken.Reveal(), expiresIn.Duration())
	fmt.Println(strings.ReplaceAll(server.Requests("/rest/v2/oauth/token")[0].Form.Encode(), "&", "\n&"))
	// Output:
	// true
	// {AccessToken:[redacted] RefreshToken:[redacted]
	// ExpiresIn:3600 Scope:order_read TokenType:bearer Error: ErrorDescription: ErrorURI:}
	// 098765432109876543210987654321 1h0m0s
	// client_id=5e31ce86e17f02015a35257c47151544
	// &code=123456
	// &grant_type=authorization_code
	// &redirect_uri=https%3A%2F%2Fwww.mywebsite.com%2Foauth%2Fredirect_here.php
}

// UltraCart's sample of oauth_revoke. Its access_token is token on the wire, and
// UltraCart's own client refuses the sample's name.
func ExampleOAuth_Revoke() {
	server := ultracarttest.New(ultracarttest.Config{})
	server.Inject("/rest/v2/oauth/revoke", 1, oauthtest.JSON(
		http.StatusOK, `{"successful": true, "message": "Application revoked"}`,
	))
	httpClient := &http.Client{Transport: oauthtest.Transport{Handler: server}}

	// this is given to you when you create your application
	clientID := "5e31ce86e17f02015a35257c47151544"
	// this is stored by your application somewhere somehow.
	accessToken := connect.Secret("123456789012345678901234567890")

	// Create OAuth API instance
	oauthAPI := ultracart.OAuth{Server: ultracart.Server(ultracart.Production), ClientID: clientID, HTTPClient: httpClient}

	// Call the OAuth revoke method
	apiResponse, err := oauthAPI.Revoke(context.Background(), accessToken)
	if err != nil {
		fmt.Println(err)
		return
	}

	// apiResponse is a RevokeResponse.
	fmt.Printf("%+v\n", apiResponse)

	// Extract success status and message
	successful := apiResponse.Successful
	message := apiResponse.Message
	fmt.Println(successful, message)
	fmt.Println(server.Requests("/rest/v2/oauth/revoke")[0].Form.Encode())
	// Output:
	// {Message:Application revoked Successful:true}
	// true Application revoked
	// client_id=5e31ce86e17f02015a35257c47151544&token=123456789012345678901234567890
}

// A program without a web page shows a code, and waits until the user has entered
// it.
func ExampleOAuth_DeviceToken() {
	server := ultracarttest.New(ultracarttest.Config{})
	server.Inject("/rest/v2/oauth/device/authorize", 1, oauthtest.JSON(http.StatusOK, `{
		"device_code": "GmRhmhcxhwAzkoEqiMEg", "user_code": "WDJB-MJHT",
		"verification_uri": "https://secure.ultracart.com/device", "expires_in": 600, "interval": 1
	}`))
	server.Inject("/rest/v2/oauth/token", 1, oauthtest.JSON(
		http.StatusOK, `{"access_token": "123456789012345678901234567890"}`,
	))

	oauthAPI := ultracart.OAuth{
		Server: ultracart.Server(ultracart.Production), ClientID: "5e31ce86e17f02015a35257c47151544",
		HTTPClient: &http.Client{Transport: oauthtest.Transport{Handler: server}},
	}
	ctx := context.Background()
	device, err := oauthAPI.AuthorizeDevice(ctx, "crm")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Enter", device.UserCode, "at", device.VerificationURI)
	token, err := oauthAPI.DeviceToken(ctx, device)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.AccessToken.Reveal())
	// Output:
	// Enter WDJB-MJHT at https://secure.ultracart.com/device
	// 123456789012345678901234567890
}
