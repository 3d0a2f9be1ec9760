package gloebitfiber_test

import (
	"fmt"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"
	gloebitfiber "github.com/go-gloebit/gloebit/adapters/fiber"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/recover"
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

	app := fiber.New(fiber.Config{Immutable: true}) // stores may keep a form's strings
	app.Use(recover.New(), gloebitfiber.Sessions(sessions))
	gloebitfiber.Register(app, merchant) // connect, callback, disconnect

	app.Get("/", gloebitfiber.Optional(merchant), func(c fiber.Ctx) error {
		if client, ok := gloebitfiber.FromContext(c); ok {
			return c.SendString("Hello, " + client.User().Name)
		}
		c.Type("html")
		return c.SendString(`<a href="/gloebit/connect">Connect</a>`)
	})
	app.Post("/buy/:product", gloebitfiber.Require(merchant, gloebit.ScopeTransact), func(c fiber.Ctx) error {
		client := gloebitfiber.Client(c) // all who get here are connected
		receipt, err := client.PurchaseProduct(c.Context(), gloebit.ProductOrder{
			IdempotencyKey: c.FormValue("order"), Product: c.Params("product"), Quantity: 1,
		})
		if err != nil {
			return err
		}
		return c.SendString("Thank you! Transaction " + receipt.TransactionID + ".")
	})

	fmt.Println(app.HandlersCount() > 2)
	// Output: true
}
