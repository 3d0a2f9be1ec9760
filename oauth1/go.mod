module github.com/go-gloebit/gloebit/oauth1

go 1.26.0

require (
	github.com/dghubble/oauth1 v0.7.3
	github.com/go-gloebit/gloebit v0.1.0
	github.com/google/uuid v1.6.0
	github.com/stretchr/testify v1.12.1
	go.uber.org/goleak v1.3.0
	golang.org/x/oauth2 v0.37.0
)

require (
	github.com/alexedwards/scs/v2 v2.9.0 // indirect
	github.com/cenkalti/backoff/v5 v5.0.3 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sync v0.24.0 // indirect
)
