package gloebitecho_test

import (
	"fmt"
	"net/http"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"
	gloebitecho "github.com/go-gloebit/gloebit/adapters/echo"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
)

// config stands for the application's configuration.
func config(sessions *scs.SessionManager) gloebit.Config {
	return gloebit.Config{
		ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Provider: gloebit.Sandbox(), Sessions: sessions, SignIn: true,
	}
}

func Example() {
	sessions := scs.New()
	merchant, err := gloebit.New(config(sessions))
	if err != nil {
		panic(err)
	}

	e := echo.New()
	e.Use(middleware.Recover(), gloebitecho.Sessions(sessions))
	gloebitecho.Register(e, merchant) // connect, callback, disconnect

	e.GET("/", func(c *echo.Context) error {
		if client, ok := gloebitecho.FromContext(c); ok {
			return c.String(http.StatusOK, "Hello, "+client.User().Name)
		}
		return c.HTML(http.StatusOK, `<a href="/gloebit/connect">Connect</a>`)
	}, gloebitecho.Optional(merchant))
	e.POST("/buy/:product", func(c *echo.Context) error {
		client := gloebitecho.Client(c) // all who get here are connected
		receipt, err := client.PurchaseProduct(c.Request().Context(), gloebit.ProductOrder{
			IdempotencyKey: c.FormValue("order"), Product: c.Param("product"), Quantity: 1,
		})
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, "Thank you! Transaction "+receipt.TransactionID+".")
	}, gloebitecho.Require(merchant, gloebit.ScopeTransact))

	fmt.Println(len(e.Router().Routes()))
	// Output: 8
}
