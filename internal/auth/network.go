package auth

import "net/netip"

// NetworkOf returns whom a caller at the remote address is counted as: an IPv4 address, or the network that one IPv6 subscriber has. What is
// no address with a port is returned as it is.
func NetworkOf(remote string) string {
	port, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	address := port.Addr().Unmap().WithZone("")
	if address.Is6() {
		if network, err := address.Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}
