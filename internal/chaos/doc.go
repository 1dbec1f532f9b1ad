// Package chaos proves what Switchboard promises when things go wrong. Its tests run the real binary, two that serve and two that work,
// over a Postgres with fsync, a Redis and the provider's simulator; customers write, agents answer and other systems notify all the while,
// and one fault follows another: kills, errors, panics and delays at every fault point, dead servers, promoted standbys, full disks, broken
// networks, frozen processes, wrong clocks. The load keeps a ledger of its own. When everything has come to rest, ledger, provider calls,
// subscribers and database must tell the same story, and nothing may be left that does not belong there.
//
// TestChaos is the short form that belongs to every test run. CHAOS_FULL=1 (make chaos) runs the full figures, CHAOS_ONLY=K1,K5 a part of
// them, each campaign over an installation of its own; CHAOS_CYCLES=n runs other figures, CHAOS_SOAK=1h a soak (make soak). CHAOS_SEED
// replays a run: the n-th fault of a campaign and the n-th item of each kind of load are the seed's, whatever else was drawn, and each fault
// is logged; at which item a fault finds the load is the machine's. CHAOS_LIMIT=40m ends a campaign early, judged all the same, and its totals
// say at which cycle of how many; the short form fails when it is cut. Several runs go side by side, also of one campaign with different
// seeds; CHAOS_BINARY, built with the tag chaos, spares each of them its build, and CHAOS_LOAD=40 gives them so many percent of the usual 50
// messages a second.
//
// Imports: nothing of ours outside its tests.
package chaos
