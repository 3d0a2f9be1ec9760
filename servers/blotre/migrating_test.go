package blotre_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"log"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/servers/blotre"
	"github.com/go-gloebit/gloebit/servers/blotre/blotretest"
	"github.com/stretchr/testify/require"
)

// The examples of docs/migrating-from-blotre-py.md. The guide shows of each
// example its body, or what follows the body's first empty line.

// kitchen is a Blot're in memory, and a user whose name is toastmastergeneral.
func kitchen() (server *blotretest.Server, user blotretest.User, transport *http.Client) {
	server = blotretest.New(nil)
	user = server.AddUser("toastmastergeneral")
	server.Approve(user)
	return server, user, &http.Client{Transport: server.Transport()}
}

// config is that of an application at the Blot're.
func config(server *blotretest.Server) connect.Config {
	client := server.AddClient("Toast", "https://app.example/oauth/callback")
	return connect.Config{
		Server: blotre.Server(""), ClientID: client.ID, ClientSecret: connect.Secret(client.Secret),
		RedirectURL: "https://app.example/oauth/callback", HTTPClient: &http.Client{Transport: server.Transport()},
		User: func(*http.Request) (connect.User, error) { return connect.User{ID: "17"}, nil },
	}
}

// connected is a client of the connected user.
func connected() blotre.Client {
	server, _, _ := kitchen()
	connector, err := connect.New(config(server))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/oauth/", connector.Handler())
	_, err = browser(server, mux).Get("https://app.example/oauth/connect")
	if err != nil {
		log.Fatal(err)
	}
	account, err := connector.Account(context.Background(), "17")
	if err != nil {
		log.Fatal(err)
	}
	return blotre.NewClient(account)
}

// browser is a user's, with the application and the Blot're in memory.
func browser(server *blotretest.Server, app http.Handler) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	home := http.NewServeMux()
	home.Handle("/oauth/", app)
	home.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "home") })
	return &http.Client{Jar: jar, Transport: hosts{"app.example": home, "blot.re": server}}
}

func ExampleServer() {
	connector, err := connect.New(connect.Config{
		Server:       blotre.Server(""),
		ClientID:     "Client id from Blot're",
		ClientSecret: "Client secret from Blot're",
		RedirectURL:  "https://app.example/oauth/callback", // registered with Blot're
	})
	fmt.Println(connector != nil, err)
	// Output: true <nil>
}

func ExampleServer_address() {
	server := blotre.Server("http://localhost:9000")
	fmt.Println(server.Endpoint.TokenURL)
	// Output: http://localhost:9000/v0/oauth2/access_token
}

func ExampleServer_creds() {
	connector, err := connect.New(config(blotretest.New(nil)))
	if err != nil {
		log.Fatal(err)
	}
	ctx, tokens := context.Background(), new(connect.MemoryTokenStore) // Config.Tokens

	key := connect.Key{Realm: connector.Realm(), ID: "17"} // the user's id
	err = tokens.Update(ctx, key, func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return &connect.Credential{
			AccessToken:  "token value",
			RefreshToken: "optional, refresh token value",
		}, nil
	})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleServer_authorizationURL() {
	connector, err := connect.New(connect.Config{
		Server:       blotre.Server(""),
		ClientID:     "55614f0630042c617481d7c3",
		ClientSecret: "YTY1Njg2MDctZTdjYy00ODlhLWFkNmYtNjkzYjI3N2M0MDRl",
		RedirectURL:  "http://localhost:50000/callback",
	})
	if err != nil {
		log.Fatal(err)
	}
	page := connector.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, err := connector.AuthorizationURL(r, "/")
		if err != nil {
			connector.HandleError(w, r, err)
			return
		}
		state := regexp.MustCompile(`&state=[^&]*`) // Blot're ignores it
		fmt.Println(strings.ReplaceAll(state.ReplaceAllString(to, ""), "&", "\n&"))
	}))

	_, err = (&http.Client{Transport: oauthtest.Transport{Handler: page}}).Get("http://localhost:50000/")
	fmt.Println(err)
	// Output:
	// https://blot.re/v0/oauth2/authorize?client_id=55614f0630042c617481d7c3
	// &redirect_uri=http%3A%2F%2Flocalhost%3A50000%2Fcallback
	// &response_type=code
	// <nil>
}

func ExampleServer_redeemAuthorizationCode() {
	server, _, _ := kitchen()
	connector, err := connect.New(config(server))
	if err != nil {
		log.Fatal(err)
	}

	callback := func(w http.ResponseWriter, r *http.Request) {
		connection, err := connector.Exchange(r) // exchanges the code, saves the credential
		if err != nil {
			connector.HandleError(w, r, err) // something went wrong
			return
		}
		fmt.Println(connection.Name, "is connected") // the client is now authorized
	}
	mux := http.NewServeMux()
	mux.Handle("GET /oauth/connect", connector.ConnectHandler())
	mux.Handle("GET /oauth/callback", connector.Optional(http.HandlerFunc(callback)))
	_, err = browser(server, mux).Get("https://app.example/oauth/connect")
	fmt.Println(err)
	// Output:
	// toastmastergeneral is connected
	// <nil>
}

func ExampleServer_tokenEndpointError() {
	server, _, _ := kitchen()
	connector, err := connect.New(config(server))
	if err != nil {
		log.Fatal(err)
	}

	err = connector.ConnectCode(context.Background(), "17", blotre.OneTimeCode, "unknown")
	var refused *connect.TokenError
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Code)
	}
	// Output: 400 invalid_grant
}

func ExampleServer_exchangeRefreshToken() {
	server, _, _ := kitchen()
	connector, err := connect.New(config(server))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/oauth/", connector.Handler())
	_, err = browser(server, mux).Get("https://app.example/oauth/connect")
	if err != nil {
		log.Fatal(err)
	}

	account, err := connector.Account(context.Background(), "17")
	if err != nil {
		log.Fatal(err)
	}
	stale := account.Credential()
	fresh, err := account.Renew(context.Background(), time.Now().Add(time.Minute), stale) // calls do it themselves
	fmt.Println(fresh.AccessToken != stale.AccessToken, err)
	// Output: true <nil>
}

func ExampleClient_Register() {
	server, user, transport := kitchen()
	ctx, client := context.Background(), blotre.Client{HTTPClient: transport}

	app, err := client.Register(ctx, "Toa*", "The Pintrest of toast")
	if err != nil {
		log.Fatal(err)
	}

	// Now the user must redeem the code to authorize your app.
	fmt.Println(client.RedeemURL())
	code := app.Code.Reveal() // show it
	server.Redeem(user, code) // what the user does there

	// Exchange the code for tokens.
	connector, err := connect.New(connect.Config{
		Server: blotre.Server(""), ClientID: app.ID, ClientSecret: app.Secret,
		RedirectURL: "http://127.0.0.1/callback", HTTPClient: transport,
	})
	if err != nil {
		log.Fatal(err)
	}
	err = connector.ConnectCode(ctx, "user", blotre.OneTimeCode, app.Code)
	if err != nil {
		log.Fatal(err) // a *connect.TokenError: something went wrong
	}
	account, err := connector.Account(ctx, "user") // authorized
	fmt.Println(account.Credential().Subject == user.ID, err)
	// Output:
	// https://blot.re/v0/oauth2/redeem
	// true <nil>
}

func ExampleClient_Streams() {
	server, _, transport := kitchen()
	server.AddUser("toast")
	ctx := context.Background()

	client := blotre.Client{HTTPClient: transport} // blotre.Client{} outside of tests: no user is needed
	all, err := client.Streams(ctx, "")
	fmt.Println(len(all), err)
	found, err := client.Streams(ctx, "toast")
	fmt.Println(len(found), err)
	// Output:
	// 2 <nil>
	// 2 <nil>
}

func ExampleClient_CreateStream() {
	ctx, client := context.Background(), connected()

	stream, created, err := client.CreateStream(ctx, blotre.NewStream{
		Name: "Temperature",
		URI:  "toastmastergeneral/temperature",
	})
	fmt.Println(stream.URI, created, err)
	// Output: toastmastergeneral/temperature true <nil>
}

func ExampleClient_CreateStream_notAuthorized() {
	_, _, transport := kitchen()
	ctx, client := context.Background(), blotre.Client{HTTPClient: transport}

	_, _, err := client.CreateStream(ctx, blotre.NewStream{
		Name: "Temperature",
		URI:  "toastmastergeneral/temperature",
	})
	var failure *blotre.Error
	if errors.As(err, &failure) {
		fmt.Println(failure.Status, failure.Text)
	}
	fmt.Println(errors.Is(err, connect.ErrNotConnected))
	// Output:
	// 401 Request requires authorization
	// true
}

func ExampleJoinURI() {
	ctx, client := context.Background(), connected()

	name := "A B C"
	stream, _, err := client.CreateStream(ctx, blotre.NewStream{
		Name: name,
		URI:  blotre.JoinURI("toastmastergeneral", name),
	})
	fmt.Println(stream.URI, err)
	// Output: toastmastergeneral/a+b+c <nil>
}

func ExampleNormalizeURI() {
	fmt.Println(blotre.NormalizeURI(" A B C "), blotre.NormalizeURI("100%"))
	// Output: a+b+c 100%25
}

func ExampleDisposable() {
	server, user, transport := kitchen()
	ctx, store := context.Background(), new(connect.MemoryTokenStore)
	show := func(_ context.Context, code connect.DeviceCode) error { server.Redeem(user, code.UserCode); return nil }
	enter := func(context.Context) error { return nil }

	account, err := blotre.Disposable{
		Name:  "FaceToast",
		Blurb: "Your face on toast!",
		Store: store, // a program's: cli.UserStore("facetoast")
		Show:  show,  // if nil, the code and the address are written to standard error
		Wait:  enter, // if nil, Blot're is polled every five seconds
		// A program leaves this out too.
		HTTPClient: transport,
	}.Open(ctx)
	if err != nil {
		log.Fatal(err)
	}
	client := blotre.NewClient(account) // it can make authorized requests
	_, err = client.SetStatus(ctx, user.RootStream, "#ff8800")
	fmt.Println(err)
	// Output: <nil>
}

func ExampleClient_WebSocketURL() {
	fmt.Println(blotre.Client{}.WebSocketURL())
	// Output: wss://blot.re/v0/ws
}

func ExampleClient_TokenInfo() {
	_, _, transport := kitchen()
	ctx, client := context.Background(), blotre.Client{HTTPClient: transport}

	_, err := client.TokenInfo(ctx, "unknown")
	fmt.Println(errors.Is(err, connect.ErrNotFound), err)
	// Output: true blotre: status 404: No such token
}

func ExampleClient_Call() {
	_, user, transport := kitchen()
	ctx, client := context.Background(), blotre.Client{HTTPClient: transport}

	status, err := client.Call(ctx, http.MethodGet, "stream/"+user.RootStream+"/status", nil, nil)
	fmt.Println(len(status) > 0, err)
	// Output: true <nil>
}

func ExampleClient_User() {
	_, user, transport := kitchen()
	ctx, client := context.Background(), blotre.Client{HTTPClient: transport}

	found, err := client.User(ctx, user.ID)
	fmt.Println(found.Name, err)
	// Output: toastmastergeneral <nil>
}

func ExampleClient_Status() {
	ctx, client := context.Background(), connected()

	streams, err := client.Streams(ctx, "toastmastergeneral")
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.SetStatus(ctx, streams[0].ID, "#ff8800")
	if err != nil {
		log.Fatal(err)
	}
	status, err := client.Status(ctx, streams[0].ID)
	fmt.Println(status.Color, err)
	// Output: #ff8800 <nil>
}

func ExampleClient_Children() {
	ctx, client := context.Background(), connected()

	toast, _, err := client.CreateStream(ctx, blotre.NewStream{Name: "Toast", URI: "toastmastergeneral/toast"})
	if err != nil {
		log.Fatal(err)
	}
	deep, _, err := client.CreateStream(ctx, blotre.NewStream{Name: "Deep", URI: "toastmastergeneral/toast/deep"})
	if err != nil {
		log.Fatal(err)
	}
	root, err := client.Streams(ctx, "toastmastergeneral")
	if err != nil {
		log.Fatal(err)
	}
	linked, err := client.LinkChild(ctx, root[0].ID, deep.ID)
	fmt.Println(linked, err)
	children, err := client.Children(ctx, root[0].ID, "")
	fmt.Println(len(children), err)
	child, err := client.Child(ctx, root[0].ID, toast.ID)
	fmt.Println(child.Name, err)
	fmt.Println(client.UnlinkChild(ctx, root[0].ID, deep.ID))
	deleted, err := client.DeleteStream(ctx, deep.ID)
	fmt.Println(deleted.Name, err)
	// Output:
	// true <nil>
	// 2 <nil>
	// Toast <nil>
	// <nil>
	// Deep <nil>
}

func ExampleClient_Tags() {
	ctx, client := context.Background(), connected()

	toast, _, err := client.CreateStream(ctx, blotre.NewStream{Name: "Toast", URI: "toastmastergeneral/toast"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.SetTags(ctx, toast.ID, "bread", "brown"))
	fmt.Println(client.AddTag(ctx, toast.ID, "butter"))
	fmt.Println(client.RemoveTag(ctx, toast.ID, "brown"))
	fmt.Println(client.HasTag(ctx, toast.ID, "brown"))
	fmt.Println(client.Tags(ctx, toast.ID))
	// Output:
	// <nil>
	// true <nil>
	// <nil>
	// false <nil>
	// [bread butter] <nil>
}

const (
	guidePath = "../../docs/migrating-from-blotre-py.md"
	guideTest = "migrating_test.go"
)

// guideExamples returns the bodies of this file's examples, without their outer
// indentation, and checks that each has an output.
func guideExamples(t *testing.T) map[string]string {
	t.Helper()
	source, err := os.ReadFile(guideTest)
	require.NoError(t, err)
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, guideTest, source, parser.ParseComments)
	require.NoError(t, err)
	runs := map[string]bool{}
	for _, example := range doc.Examples(file) {
		runs["Example"+example.Name] = example.Output != ""
	}
	bodies := map[string]string{}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(f.Name.Name, "Example") {
			continue
		}
		require.True(t, runs[f.Name.Name], "%s has no output, so that it does not run", f.Name.Name)
		from, to := files.Position(f.Body.Lbrace).Offset+1, files.Position(f.Body.Rbrace).Offset
		body := strings.ReplaceAll(strings.Trim(string(source[from:to]), "\n"), "\n\t", "\n")
		bodies[f.Name.Name] = strings.TrimPrefix(body, "\t")
	}
	return bodies
}

func TestGuide(t *testing.T) {
	examples := guideExamples(t)
	guide, err := os.ReadFile(guidePath)
	require.NoError(t, err)
	t.Run("blocks are examples", func(t *testing.T) {
		blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(guide), -1)
		require.Len(t, blocks, strings.Count(string(guide), "```go"))
		require.NotEmpty(t, blocks)
		for _, block := range blocks {
			shown := strings.TrimRight(block[1], "\n")
			var of []string
			for name, body := range examples {
				_, rest, _ := strings.Cut(body, "\n\n")
				if shown == strings.TrimRight(body, "\n") || shown == strings.TrimRight(rest, "\n") {
					of = append(of, name)
				}
			}
			require.Len(t, of, 1, "the guide shows what no example, or more than one, runs:\n%s", shown)
		}
	})
	t.Run("rows name examples", func(t *testing.T) {
		unnamed := maps.Clone(examples)
		for _, name := range regexp.MustCompile("`(Example\\w+)`").FindAllStringSubmatch(string(guide), -1) {
			require.Contains(t, examples, name[1])
			delete(unnamed, name[1])
		}
		require.Empty(t, unnamed)
		for line := range strings.Lines(string(guide)) {
			if strings.HasPrefix(line, "| `") {
				cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
				require.Len(t, cells, 3, line)
				named := strings.Contains(cells[2], "`Example")
				require.True(t, named || strings.HasPrefix(strings.TrimSpace(cells[1]), "Nothing"), line)
			}
		}
	})
	// The public names of blotre.py 0.1.1.
	t.Run("every Python name", func(t *testing.T) {
		for name := range strings.FieldsSeq(`
			Blotre creds config protocol host set_creds on_creds_changed normalize_uri join_uri get_websocket_url
			get_authorization_url get_redeem_url redeem_authorization_code exchange_refresh_token redeem_onetime_code
			get_token_info get post put delete get_user get_streams get_stream create_stream delete_stream
			get_stream_status set_stream_status get_stream_children get_child create_child delete_child
			get_tags set_tags get_tag set_tag delete_tag create_disposable create_disposable_app TokenEndpointError RestError`) {
			require.Regexp(t, "(?m)^\\| .*[`( .]"+regexp.QuoteMeta(name)+"[`(,)' =]", string(guide), name)
		}
	})
}
