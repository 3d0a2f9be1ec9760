package gloebit

import (
	"context"
	"net/http"
	"net/url"

	"github.com/go-gloebit/gloebit/connect"
)

// Balance returns how many gloebits the user has. It needs ScopeBalance and
// calls GET balance.
func (c *Client) Balance(ctx context.Context) (Amount, error) {
	var answer struct {
		Balance optionalNumber `json:"balance"`
	}
	if err := c.do(
		ctx, call{name: "balance", method: http.MethodGet, scope: ScopeBalance, repeatable: true}, &answer,
	); err != nil {
		return Amount{}, err
	}
	if !answer.Balance.amount.Known() {
		return Amount{}, badReply("balance", "without balance")
	}
	return answer.Balance.amount, nil
}

// PurchaseGloebitsURL returns the URL of Gloebit's page where users buy
// gloebits, to put in a link. ReturnTo is the local path to which the page
// returns the user; empty means Config.HomePath. Gloebit does not notify the
// application of a purchase. The page's path is purchase.
func (c *Client) PurchaseGloebitsURL(returnTo string) string {
	return c.merchant.purchaseGloebitsURL(returnTo)
}

func (m *Merchant) purchaseGloebitsURL(returnTo string) string {
	back := m.base.Redirect.Scheme + "://" + m.base.Redirect.Host
	if _, err := connect.CheckReturnTo(returnTo); err != nil {
		returnTo = m.base.HomePath
	}
	return m.provider.APIURL + "purchase?" + url.Values{
		"r":         {m.config.ClientID},
		"return-to": {back + returnTo},
	}.Encode()
}
