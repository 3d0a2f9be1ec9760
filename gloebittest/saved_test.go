package gloebittest_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestCharactersInventoriesAndSubscriptionsAreSaved(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("character", "inventory", "transact")
	ogre := w.create(token, `{"name":"Ogre","level":9007199254740993,"x":{"y":[1.50,null]}}`)
	w.post("grant-character-product/"+ogre+"/crown/2", token, "")
	require.NoError(t, w.server.GrantProduct(w.app.Key, "alice", "green-hat", 3))
	item := w.newItem(token, `{"type-id":"t","folder-id":"f","params":{"n":1.10,"m":{}}}`)
	w.newItem(token, `{"params":"a text"}`)
	subscription := w.subscribe("sub-1").json["id"].(string)
	authorization := w.authorizeSubscription(subscription).json["id"].(string)
	require.NoError(t, w.server.ApproveSubscription(authorization))
	got := w.post("transact-u2u", w.token("transact"), w.order(map[string]any{
		"gloebit-balance-change": 3, "seller-id-from-gloebit": w.bob.ID, "seller-name-on-application": "B",
		"automated-transaction": true, "subscription-id": subscription, "character-id": ogre,
		"buyer-id-on-application": "b", "app-user-id": "a", "platform-desc-names": []string{"x"},
		"platform-desc-values": []string{"y"},
	}))
	require.Equal(t, true, got.json["success"], got.text)

	v := w.in(gloebittest.Config{})
	require.Equal(t, w.server.Users(), v.server.Users())
	require.Equal(t, map[string]int64{"green-hat": 3}, v.server.Products(w.app.Key, "alice"))
	require.Equal(t, w.server.Characters("alice"), v.server.Characters("alice"))
	require.Equal(t, map[string]int64{"crown": 2}, v.server.CharacterProducts(w.app.Key, ogre))
	require.Equal(t, w.server.Inventory("alice"), v.server.Inventory("alice"))
	require.Equal(t, item, v.server.Inventory("alice")[0].ID)
	require.Equal(t, w.server.Subscriptions(w.app.Key), v.server.Subscriptions(w.app.Key))
	require.Equal(t, w.server.SubscriptionAuthorizations("alice"), v.server.SubscriptionAuthorizations("alice"))
	require.Equal(t, w.server.Transactions(), v.server.Transactions())
	require.Equal(t, authorization, v.authorizeSubscription(subscription).json["id"])

	var once, twice bytes.Buffer
	require.NoError(t, v.server.Save(&once))
	require.NoError(t, v.in(gloebittest.Config{}).server.Save(&twice))
	require.Equal(t, once.String(), twice.String(), "the same state is the same text")
	require.Contains(t, once.String(), `"version": 1`)

	w.post("update-character", w.token("character"), `{"id":"`+ogre+`","name":"Elf"}`)
	require.Equal(t, "Ogre", v.server.Characters("alice")[0].Name, "nothing is shared")
}

func TestLoadRefusesMalformedCharactersItemsAndSubscriptions(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	user := func(more string) string {
		return `{"version":1,"users":[{"id":"1","name":"a","balance":"1",` + more + `}]}`
	}
	for name, text := range map[string]string{
		"a character of null":                 user(`"characters":[null]`),
		"a character without an id":           user(`"characters":[{"name":"x"}]`),
		"a character twice":                   user(`"characters":[{"id":"x"},{"id":"x"}]`),
		"a character with extra of no object": user(`"characters":[{"id":"x","extra":[1]}]`),
		"an item of null":                     user(`"items":[null]`),
		"an item without an id":               user(`"items":[{"params":{}}]`),
		"an item twice":                       user(`"items":[{"id":"x"},{"id":"x"}]`),
		"an item with params of no object":    user(`"items":[{"id":"x","params":[]}]`),
		"a subscription of null":              `{"version":1,"subscriptions":[null]}`,
		"a subscription without an id":        `{"version":1,"subscriptions":[{"name":"x"}]}`,
		"a subscription twice":                `{"version":1,"subscriptions":[{"id":"x"},{"id":"x"}]}`,
		"an authorization of null":            `{"version":1,"subscription_authorizations":[null]}`,
		"an authorization without an id":      `{"version":1,"subscription_authorizations":[{"state":"pending"}]}`,
		"an authorization in no state":        `{"version":1,"subscription_authorizations":[{"id":"x"}]}`,
		"an authorization twice": `{"version":1,"subscription_authorizations":[` +
			`{"id":"x","state":"pending"},{"id":"x","state":"pending"}]}`,
		"a version from before the first one":  `{"version":0}`,
		"a version that is yet to be invented": `{"version":2}`,
	} {
		t.Run(name, func(t *testing.T) {
			before := w.server.Revision()
			err := w.server.Load(strings.NewReader(text))
			require.Error(t, err)
			require.Equal(t, before, w.server.Revision())
			require.Len(t, w.server.Users(), 2)
		})
	}
}

func TestRevisionRisesWithCharactersItemsAndSubscriptions(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("character", "inventory", "transact")
	var ogre, item, subscription, authorization string
	last := w.server.Revision()
	for _, act := range []struct {
		name string
		do   func()
	}{
		{"a character", func() { ogre = w.create(token, `{"name":"Ogre"}`) }},
		{"an update of it", func() { w.post("update-character", token, `{"id":"`+ogre+`","name":"x"}`) }},
		{"a grant", func() { w.post("grant-character-product/"+ogre+"/crown/1", token, "") }},
		{"its deletion, by GET", func() { w.get("delete-character/"+ogre, token) }},
		{"an item", func() { item = w.newItem(token, `{}`) }},
		{"its deletion", func() { w.post("delete-inventory-item/"+item, token, "") }},
		{"a subscription", func() { subscription = w.subscribe("sub-1").json["id"].(string) }},
		{"its authorization", func() { authorization = w.authorizeSubscription(subscription).json["id"].(string) }},
		{"an approval", func() { _ = w.server.ApproveSubscription(authorization) }},
		{"its end", func() { _ = w.server.DisableSubscription(subscription, true) }},
		{"a token", func() { _, _, _ = w.server.IssueSigningToken(w.app.Key, "alice", "id") }},
	} {
		act.do()
		require.Greater(t, w.server.Revision(), last, act.name)
		last = w.server.Revision()
	}
}
