package blotretest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/servers/blotre"
	"github.com/go-gloebit/gloebit/servers/blotre/blotretest"
)

// A test of a program that posts to Blot're: the user enters the code at once, and
// the first post meets a server that is down.
func ExampleNew() {
	server := blotretest.New(nil)
	ann := server.AddUser("Ann")
	ctx := context.Background()

	account, err := blotre.Disposable{
		Name: "FaceToast", Blurb: "Your face on toast!", Store: new(connect.MemoryTokenStore),
		Show:       func(_ context.Context, code connect.DeviceCode) error { server.Redeem(ann, code.UserCode); return nil },
		Wait:       func(context.Context) error { return nil },
		HTTPClient: &http.Client{Transport: server.Transport()},
	}.Open(ctx)
	if err != nil {
		log.Fatal(err)
	}
	server.Inject("/v0/api/stream/"+ann.RootStream+"/status", 1, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "busy", http.StatusServiceUnavailable)
		})
	})
	for range 2 {
		status, err := blotre.NewClient(account).SetStatus(ctx, ann.RootStream, "#ff8800")
		fmt.Println(status.Color, err)
	}
	fmt.Println(len(server.Requests("/v0/oauth2/disposable")))
	// Output:
	//  blotre: status 503: busy
	// #ff8800 <nil>
	// 1
}
