//go:build !chaos

package faultpoint

import "time"

// Listen does nothing in this build.
func Listen() {}

// Point returns nil in this build, and costs nothing.
func Point(string) error { return nil }

// Clock returns the clock of the machine in this build.
func Clock() func() time.Time { return time.Now }
