package names

import "context"

// hostKey and freshKey are the keys of what follows: networks stand before one another, and a context passes them all.
type (
	hostKey  struct{}
	freshKey struct{}
)

// For says that what is dialled with ctx are addresses of host: TLS has to know whose certificate it must be.
func For(ctx context.Context, host string) context.Context {
	return context.WithValue(ctx, hostKey{}, host)
}

// Host is what For said; empty: nothing, an address was given as such.
func Host(ctx context.Context) string {
	host, _ := ctx.Value(hostKey{}).(string)
	return host
}

// Fresh says that an older answer is of no use to who looks up with ctx: a Book then waits as long as ctx lasts.
func Fresh(ctx context.Context) context.Context {
	return context.WithValue(ctx, freshKey{}, true)
}

func fresh(ctx context.Context) bool { return ctx.Value(freshKey{}) != nil }
