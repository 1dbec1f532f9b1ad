package channel

import (
	"errors"
	"fmt"
	"net/netip"
)

// ErrBlocked means that the guarded client refused to contact an address, a scheme or a port.
var ErrBlocked = errors.New("channel: address not allowed")

// blockedRanges returns what an outgoing call never reaches: everything that is not the public internet, and every form in
// which an IPv6 address can carry such an IPv4 address past a check (NAT64, 6to4, Teredo; mapped addresses are unmapped first).
func blockedRanges() []netip.Prefix {
	var ranges []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8",       // this network
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // carrier-grade NAT
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link-local, cloud metadata
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relays
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarking
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, broadcast
		"::/96",           // unspecified, loopback, IPv4-compatible
		"::ffff:0:0/96",   // IPv4-mapped, should one survive unmapping
		"::ffff:0:0:0/96", // IPv4-translated
		"64:ff9b::/96",    // NAT64
		"64:ff9b:1::/48",  // local-use NAT64
		"100::/64",        // discard
		"2001::/32",       // Teredo
		"2001:2::/48",     // benchmarking
		"2001:10::/28",    // ORCHID
		"2001:20::/28",    // ORCHIDv2
		"2001:db8::/32",   // documentation
		"2002::/16",       // 6to4
		"3fff::/20",       // documentation
		"5f00::/16",       // segment routing
		"fc00::/7",        // unique local
		"fe80::/10",       // link-local
		"fec0::/10",       // site-local
		"ff00::/8",        // multicast
	} {
		ranges = append(ranges, netip.MustParsePrefix(s))
	}
	return ranges
}

// guard decides which resolved addresses may be dialled.
type guard struct {
	ranges []netip.Prefix
	own    map[netip.Addr]bool // this machine's own addresses
}

// check returns nil for a public address, and an error wrapping ErrBlocked otherwise.
func (g guard) check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() || g.own[addr] {
		return fmt.Errorf("%w: %s is this machine", ErrBlocked, addr)
	}
	for _, r := range g.ranges {
		if r.Contains(addr) {
			return fmt.Errorf("%w: %s is not on the public internet", ErrBlocked, addr)
		}
	}
	return nil
}
