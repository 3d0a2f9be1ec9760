package drivertest_test

import "github.com/go-gloebit/gloebit/connect"

const realm = "www.gloebit.com/shop"

// at is the key of an id in the realm.
func at(id string) connect.Key { return connect.Key{Realm: realm, ID: id} }
