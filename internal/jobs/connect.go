package jobs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// The kinds of Redis that a URL can name, besides the single server of redis://, rediss:// and unix://. Each has a form over TLS.
const (
	sentinelScheme = "redis-sentinel"
	clusterScheme  = "redis-cluster"
	overTLS        = "rediss"
)

// Connect returns a client of the Redis that the URL names; it does not connect yet. patience bounds every command.
//
//	redis://:password@host:6379/0                                            one server; rediss:// over TLS
//	redis-sentinel://:password@sentinel:26379,sentinel:26379/0?master=name   the master that the sentinels agree on
//	redis-cluster://:password@node:6379,node:6379                            a cluster, found through any of its nodes
//
// sentinel_username and sentinel_password in the query are for the sentinels themselves; rediss-sentinel:// and rediss-cluster:// speak TLS.
// The error of a URL that cannot be read does not quote it, since it may hold a password.
func Connect(address string, patience time.Duration, poolSize int) (redis.UniversalClient, error) {
	scheme, _, _ := strings.Cut(address, "://")
	plain := strings.Replace(scheme, overTLS, "redis", 1)
	if plain == sentinelScheme || plain == clusterScheme {
		options, err := parseFleet(address, plain == clusterScheme)
		if err != nil {
			return nil, fmt.Errorf("the address of Redis cannot be read: %w", err)
		}
		options.DialTimeout, options.ReadTimeout, options.WriteTimeout = patience, patience, patience
		options.PoolSize, options.ContextTimeoutEnabled = poolSize, true
		return redis.NewUniversalClient(options), nil
	}
	options, err := redis.ParseURL(address)
	if err != nil {
		// The library's error quotes what it did not understand, which may be half of a password.
		return nil, errors.New("the address of Redis cannot be read: it is redis://user:password@host:6379/0, where what is not a letter or digit in a password is written as %XX")
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = patience, patience, patience
	options.PoolSize, options.ContextTimeoutEnabled = poolSize, true
	return redis.NewClient(options), nil
}

// parseFleet reads a URL that names several servers.
func parseFleet(address string, cluster bool) (*redis.UniversalOptions, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("it is no address") // the error quotes it
	}
	o := &redis.UniversalOptions{Username: u.User.Username(), IsClusterMode: cluster}
	o.Password, _ = u.User.Password()
	port := "6379"
	if !cluster {
		port = "26379"
	}
	for host := range strings.SplitSeq(u.Host, ",") {
		if host == "" {
			return nil, errors.New("a host is empty; write host:port,host:port")
		}
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
		o.Addrs = append(o.Addrs, host)
	}
	if strings.HasPrefix(u.Scheme, overTLS) {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		if cluster {
			// The nodes of a cluster tell their own names; what they are checked against is the name that the operator wrote.
			o.TLSConfig.ServerName, _, _ = net.SplitHostPort(o.Addrs[0])
		}
	}
	return o, readFleetOptions(o, u)
}

// readFleetOptions reads the path and the query; a parameter that means nothing is an error, since it is likely a
// mistyped one, and is not quoted, since it may be a password's second half.
func readFleetOptions(o *redis.UniversalOptions, u *url.URL) error {
	if database := strings.Trim(u.Path, "/"); database != "" {
		n, err := strconv.Atoi(database)
		if err != nil || n < 0 {
			return errors.New("the database after the hosts is no number")
		}
		if o.IsClusterMode && n != 0 {
			return errors.New("a cluster has database 0 only")
		}
		o.DB = n
	}
	for name, values := range u.Query() {
		switch {
		case o.IsClusterMode:
			return errors.New("a cluster takes no parameters; a ? in a password is written %3F")
		case name == "master":
			o.MasterName = values[0]
		case name == "sentinel_username":
			o.SentinelUsername = values[0]
		case name == "sentinel_password":
			o.SentinelPassword = values[0]
		default:
			return errors.New("a parameter is not known; there are master, sentinel_username and sentinel_password, and a ? in a password is written %3F")
		}
	}
	if !o.IsClusterMode && o.MasterName == "" {
		return errors.New("?master= is missing: the name under which the sentinels know the master")
	}
	return nil
}
