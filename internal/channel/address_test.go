package channel

import (
	"errors"
	"net/netip"
	"testing"
)

// The addresses that a call or an alert URL could be led to inside. (H30, H32)
func TestGuardRefusesWhatIsNotPublic(t *testing.T) {
	g := guard{ranges: blockedRanges(), own: map[netip.Addr]bool{netip.MustParseAddr("8.8.4.4"): true}}
	blocked := []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7",
		"192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1", "3fff::1",
		"2001:2::1", "2001:10::1", "2001:20::1", "100::1", "5f00::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", // IPv4-mapped
		"::ffff:0:7f00:1",                       // IPv4-translated
		"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", // NAT64
		"64:ff9b:1::a00:1",                    // local-use NAT64
		"2002:7f00:1::1", "2002:a9fe:a9fe::1", // 6to4
		"2001:0:4136:e378:8000:63bf:3fff:fdd2", // Teredo
		"64:ff9b::808:808", "2002:808:808::1",  // even where the embedded address is public
		"8.8.4.4", "::ffff:8.8.4.4", // this machine's own
	}
	for _, s := range blocked {
		if err := g.check(netip.MustParseAddr(s)); !errors.Is(err, ErrBlocked) {
			t.Errorf("%s may be dialled: %v", s, err)
		}
	}
	if err := g.check(netip.Addr{}); !errors.Is(err, ErrBlocked) {
		t.Errorf("no address at all may be dialled: %v", err)
	}
	public := []string{"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "198.17.0.1",
		"223.255.255.255", "::ffff:8.8.8.8", "2606:4700::1111", "2a03:2880:f003::1", "2001:4860:4860::8888", "2003::1"}
	for _, s := range public {
		if err := g.check(netip.MustParseAddr(s)); err != nil {
			t.Errorf("%s is refused: %v", s, err)
		}
	}
}
