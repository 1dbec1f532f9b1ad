// Package httpd is the HTTP edge: which route leads where, and what every request meets before it gets there: trusted proxies, a
// request id, a log line, recovery, security headers, origin checks, the tenant's subdomain and the caller's credentials. Health,
// metrics and profiles stand on a listener of their own.
//
// Imports: inbox, auth, channel, fault, faultpoint, telemetry.
package httpd
