package main

import "testing"

func TestTargetsRepeatOnlyForOthers(t *testing.T) {
	t.Parallel()
	for spread, calls := range map[int]int{1: 100_000, 100: 100_000} {
		seen := map[[3]int]bool{}
		for n := range calls {
			tenant, c, agent := target(spread, n)
			key := [3]int{tenant, c, agent}
			if seen[key] || agent < 1 || agent > everybody {
				t.Fatalf("call %d of %d tenants is agent %d's on conversation %d of tenant %d, again", n, spread, agent, c, tenant)
			}
			seen[key] = true
		}
	}
}
