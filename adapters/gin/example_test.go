package gloebitgin_test

import (
	"fmt"
	"net/http"

	"github.com/alexedwards/scs/v2"
	"github.com/gin-gonic/gin"
	"github.com/go-gloebit/gloebit"
	gloebitgin "github.com/go-gloebit/gloebit/adapters/gin"
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

	router := gin.New()
	router.Use(gin.Recovery(), gloebitgin.Sessions(sessions))
	gloebitgin.Register(router, merchant) // connect, callback, disconnect

	router.GET("/", gloebitgin.Optional(merchant), func(c *gin.Context) {
		if client, ok := gloebitgin.FromContext(c); ok {
			c.String(http.StatusOK, "Hello, %s.", client.User().Name)
		}
	})
	router.POST("/buy/:product", gloebitgin.Require(merchant, gloebit.ScopeTransact), func(c *gin.Context) {
		client := gloebitgin.Client(c) // all who get here are connected
		receipt, err := client.PurchaseProduct(c.Request.Context(), gloebit.ProductOrder{
			IdempotencyKey: c.PostForm("order"), Product: c.Param("product"), Quantity: 1,
		})
		if err != nil {
			gloebitgin.Error(c, err)
			return
		}
		c.String(http.StatusOK, "Thank you! Transaction %s.", receipt.TransactionID)
	})

	fmt.Println(len(router.Routes()) > 2)
	// Output: true
}
