package gloebitgin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-gloebit/gloebit"
)

// Client returns the client of the user who makes the request. It panics if
// there is none, which means that the handler is not behind [Require].
//
// Call it before you start a goroutine, and pass that the client: gin reuses a
// *gin.Context for other requests after its handler has returned, so a
// goroutine that calls Client later gets another user's client, and charges
// that user.
func Client(c *gin.Context) *gloebit.Client {
	return gloebit.MustFromContext(c.Request.Context())
}

// FromContext returns the client of the user who makes the request, and whether
// there is one. Behind [Require] there always is; behind [Optional] there may be.
//
// As with [Client], call it before you start a goroutine.
func FromContext(c *gin.Context) (*gloebit.Client, bool) {
	return gloebit.FromContext(c.Request.Context())
}

// Error responds to a request that failed, as [gloebit.Merchant.HandleError]
// does, and aborts the chain. A user who is no longer connected is redirected
// to connect if the request is a page load. The error is added to c.Errors for
// the application's log and never shown to the user. The handler should return
// then.
//
// Outside [Require] and [Optional], where the merchant is not known, Error
// responds with the bare status of [gloebit.StatusCode].
func Error(c *gin.Context, err error) {
	_ = c.Error(err) // returns its argument
	c.Abort()
	value, _ := c.Get(merchantKey{})
	if m, ok := value.(*gloebit.Merchant); ok {
		m.HandleError(c.Writer, c.Request, err)
		return
	}
	http.Error(c.Writer, http.StatusText(gloebit.StatusCode(err)), gloebit.StatusCode(err))
}
